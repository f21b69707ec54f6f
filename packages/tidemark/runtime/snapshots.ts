import type { AnyDecider } from '../core/decider.ts'
import { describeError } from '../core/errors.ts'
import { asJson, describeFault } from '../core/json.ts'
import { sealText } from '../core/personal.ts'
import type { EventStore, Snapshots } from '../core/ports.ts'
import { MAX_STATE_BYTES, type Snapshot, snapshotId, stateBytes, stateText } from '../core/snapshot.ts'
import { type AggregateState, emptyState, foldInTurns, readForward } from './fold.ts'
import type { Personal } from './personal.ts'

/** How many snapshots are written at once. */
const MAX_WRITES = 4

interface SnapshotDependencies {
  readonly store: Pick<EventStore, 'read'>
  readonly snapshots: Snapshots
  /** A snapshot is written after a load that folded at least this many events. */
  readonly minEvents: number
  /** Seals snapshots of deciders with a subject. Absent: there are none. */
  readonly personal?: Pick<Personal, 'service' | 'findKey' | 'open'>
  /** Logs a problem with a snapshot. No command fails because of one. */
  readonly warn: (line: string) => void
}

/** Loads the states of streams that are not in the cache. */
export interface ColdLoader {
  /**
   * Loads the newest state of a stream, from its snapshot if the log confirms that.
   * @throws TidemarkError as `readForward`
   */
  load(decider: AnyDecider, stream: string): Promise<AggregateState>
  /**
   * Called once the commands of a stream are answered: writes a snapshot in the background if the load was
   * long.
   */
  answered(stream: string): void
}

/** A state that took long to load. */
interface Loaded {
  readonly decider: AnyDecider
  /** The id of its snapshot. */
  readonly id: string
  readonly state: AggregateState
}

export function coldLoader(deps: SnapshotDependencies): ColdLoader {
  /** States that took long to load, by stream, until their commands are answered. */
  const long = new Map<string, Loaded>()
  const writing = new Set<string>()
  let readFails = false

  /** Reads a snapshot. If that fails for any reason, the log has the state. */
  async function find(id: string, stream: string): Promise<Snapshot | undefined> {
    try {
      const found = await deps.snapshots.read(stream, id)
      const opened = found && deps.personal ? { ...found, state: await deps.personal.open(found.state) } : found
      readFails = false
      return opened
    } catch (error) {
      // Logs an outage once, because every cold command meets it.
      if (!readFails) deps.warn(`snapshots cannot be read, so streams are read from the start: ${describeError(error)}`)
      readFails = true
      return undefined
    }
  }

  /** Seals the text of a state with the key of its subject. Undefined if the key is destroyed. */
  async function sealState(decider: AnyDecider, stream: string, state: AggregateState, text: string) {
    const { personal } = deps
    const subject = decider.subject?.(state.state)
    if (subject === undefined || personal === undefined) return text
    const key = await personal.findKey(subject)
    if (key === undefined) return undefined
    const parts = { service: personal.service, forgotten: '' }
    return sealText(text, `snapshot of ${stream}@${state.head.version}`, key, parts)
  }

  async function write(stream: string, { decider, id, state: loaded }: Loaded): Promise<void> {
    // The answers go first, because serialising a large state takes some milliseconds.
    await new Promise((resolve) => setImmediate(resolve))
    const { state, head } = loaded
    const not = `${stream}@${head.version}: no snapshot was written:`
    const text = stateText(state)
    if (text === undefined) return deps.warn(`${not} JSON cannot represent its state: ${describeChange(state)}`)
    try {
      const sealed = await sealState(decider, stream, loaded, text)
      // The subject is forgotten.
      if (sealed === undefined) return
      const bytes = stateBytes(sealed)
      if (bytes > MAX_STATE_BYTES)
        return deps.warn(`${not} its state has ${bytes} bytes, but the limit is ${MAX_STATE_BYTES}`)
      await deps.snapshots.write(stream, id, { state: sealed, head })
    } catch (error) {
      deps.warn(`${not} ${describeError(error)}`)
    }
  }

  return {
    async load(decider, stream) {
      const id = snapshotId(decider)
      if (id === undefined) return readForward(deps.store, decider, stream, emptyState(decider))
      const known = await find(id, stream)
      const proven = known && (await readFromSnapshot(deps.store, decider, stream, known))
      const state = proven ?? (await readForward(deps.store, decider, stream, emptyState(decider)))
      const folded = state.head.version - (proven ? known.head.version : 0)
      if (folded >= deps.minEvents) long.set(stream, { decider, id, state })
      return state
    },
    answered(stream) {
      const loaded = long.get(stream)
      long.delete(stream)
      // If one is skipped here, the next long load writes it.
      if (loaded === undefined || writing.has(stream) || writing.size >= MAX_WRITES) return
      writing.add(stream)
      void write(stream, loaded).finally(() => writing.delete(stream))
    },
  }
}

/**
 * Folds the events after a snapshot onto its state. Undefined if the snapshot does not match this log. The
 * log is read from the commit that the snapshot's head names, which must end with that head.
 */
async function readFromSnapshot(
  store: Pick<EventStore, 'read'>,
  decider: AnyDecider,
  stream: string,
  { state: text, head }: Snapshot,
): Promise<AggregateState | undefined> {
  const state = parse(text)
  if (state === undefined) return undefined
  let folded: AggregateState | undefined
  for await (const page of store.read(stream, head.commit - 1)) {
    if (folded) {
      folded = await foldInTurns(decider, folded, page)
      continue
    }
    const [named, ...later] = page
    const last = named?.events.at(-1)
    if (named?.from !== head.commit || last?.version !== head.version || last.hash !== head.hash) return undefined
    folded = await foldInTurns(decider, { state, head, time: last.time }, later)
  }
  return folded
}

/** How deep a state is searched for values that JSON changes. */
const MAX_LEVELS = 1_000

/** Describes where JSON changes a state, and what to do. */
function describeChange(state: unknown): string {
  const json = asJson(state, { levels: MAX_LEVELS, portable: false })
  const what = json.outcome === 'valid' ? 'a field is undefined, or a number is -0' : describeFault(json.fault)
  return `${what}. Fix that, or remove the decider's stateVersion`
}

/** JSON has no `undefined`, so it stands for invalid text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
