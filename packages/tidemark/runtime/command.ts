import type { CommandOutcome, CommandRequest } from '../core/command.ts'
import { type CommandReceipt, type Commit, isCommit, type KeyOutcome, type LogEntry } from '../core/commit.ts'
import { type AnyDecider, type Decision, isRefusal, refuse } from '../core/decider.ts'
import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, RecordedEvent } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type { AppendResult, Clock, EventStore } from '../core/ports.ts'
import type { Service } from '../core/service.ts'
import { parseId } from '../core/stream.ts'
import { type AggregateState, emptyState, fold, readForward } from './fold.ts'
import { checkWritable, decisionTime, record } from './record.ts'
import type { ColdLoader } from './snapshots.ts'

/** How often commands may decide again before their stream counts as contended. */
const MAX_ATTEMPTS = 20

/**
 * Aggregate states by stream, bounded by who makes it. Only a hint: an append proves it, a refusal is checked
 * against the log.
 */
export interface StateCache {
  get(stream: string): AggregateState | undefined
  set(stream: string, state: AggregateState): unknown
  delete(stream: string): unknown
}

export interface CommandDependencies {
  readonly service: Pick<Service, 'name' | 'publishes'>
  readonly store: EventStore
  readonly cache: StateCache
  readonly clock: Clock
  /** Absent: streams are read from their beginning. */
  readonly cold?: ColdLoader
}

/**
 * Hears the events that a command led to, where this very call appends them: the answer is the same every
 * time, and has none.
 */
export type OnAppended = (events: readonly RecordedEvent[]) => void

/** A command that waits for its stream, and who waits for its outcome. */
export interface WaitingCommand {
  readonly decider: AnyDecider
  readonly request: CommandRequest
  readonly onAppended: OnAppended
  readonly resolve: (outcome: CommandOutcome) => void
  readonly reject: (error: unknown) => void
}

/** Carries out one command by itself, as `handleCommands` does. */
export function handleCommand(
  deps: CommandDependencies,
  decider: AnyDecider,
  request: CommandRequest,
  onAppended: OnAppended = () => {},
): Promise<CommandOutcome> {
  return new Promise((resolve, reject) => {
    void handleCommands(deps, request.stream, [{ decider, request, onAppended, resolve, reject }])
  })
}

/**
 * Carries out commands of one stream: load, fold, decide one after another, append all in one batch; on a
 * conflict they decide again on what is there.
 *
 * A key has one outcome: the same key with the same request is answered as the first time. Only the newest
 * state may refuse. What the caller or the domain is refused for is a value.
 *
 * A command fails with TidemarkError `stream-contended`, `outcome-unknown`, `unavailable` (all retriable with
 * the same key), or with a fault of decider or log: `event-invalid`, `decision-too-large`, `event-too-large`,
 * `chain-broken`, `event-unknown`.
 * @param waiting of different keys, in the order in which they decide.
 */
export async function handleCommands(
  deps: CommandDependencies,
  stream: string,
  waiting: readonly WaitingCommand[],
): Promise<void> {
  let left = waiting
  try {
    let known: AggregateState | undefined
    for (let attempts = 0; left.length > 0; ) {
      const state = known ?? (await loadState(deps, stream, left))
      const { decided, end, later } = decideAll(deps, stream, state, left)
      left = [...decided.map(({ command }) => command), ...later]
      const settled = await settle(deps, stream, { state, end, decided })
      left = left.filter((command) => !settled.answered.has(command))
      known = settled.state
      if (!settled.stale) continue
      attempts += 1
      if (attempts === MAX_ATTEMPTS)
        throw new TidemarkError('stream-contended', `${stream} is written by too many at once`)
    }
  } catch (error) {
    // What is cached may be what does not fit the log.
    if (isTidemarkError(error, 'chain-broken')) deps.cache.delete(stream)
    for (const command of left) command.reject(error)
  }
  deps.cold?.answered(stream)
}

/** The state that is known, or the one of the log. */
async function loadState(
  deps: CommandDependencies,
  stream: string,
  [first]: readonly WaitingCommand[],
): Promise<AggregateState> {
  if (first === undefined) throw new TidemarkError('internal', `no command waits for ${stream}`)
  const { decider, request } = first
  const known = deps.cache.get(stream)
  if (known) return known
  // What a command creates is most likely not there: to append finds out as well as to read does.
  return creates(decider, request) ? emptyState(decider) : loadCold(deps, decider, stream)
}

function loadCold({ store, cold }: CommandDependencies, decider: AnyDecider, stream: string): Promise<AggregateState> {
  return cold ? cold.load(decider, stream) : readForward(store, decider, stream, emptyState(decider))
}

function creates(decider: AnyDecider, { command }: CommandRequest): boolean {
  return decider.commands.find(({ name }) => name === command.type)?.creates ?? false
}

/** A command that has decided, and what its outcome is if what it decided on was the newest state. */
interface Decided {
  readonly command: WaitingCommand
  readonly outcome: CommandOutcome
  /** What is kept of it; absent where nothing is. */
  readonly entry?: LogEntry
}

/** Lets commands decide one after another, each on what the ones before it led to, as many as one write takes. */
function decideAll(
  deps: CommandDependencies,
  stream: string,
  start: AggregateState,
  waiting: readonly WaitingCommand[],
): { readonly decided: readonly Decided[]; readonly end: AggregateState; readonly later: readonly WaitingCommand[] } {
  const decided: Decided[] = []
  const { limits } = deps.store
  let state = start
  let bytes = 0
  for (const [index, command] of waiting.entries()) {
    if (decided.length === limits.entries) return { decided, end: state, later: waiting.slice(index) }
    try {
      const made = decideOne(deps, stream, state, command)
      bytes += made.bytes
      if (decided.length > 0 && bytes > limits.bytes) return { decided, end: state, later: waiting.slice(index) }
      decided.push(made)
      state = made.state
    } catch (error) {
      // A fault of one command is its own.
      command.reject(error)
    }
  }
  return { decided, end: state, later: [] }
}

function decideOne(
  { service, store: { limits }, clock }: CommandDependencies,
  stream: string,
  before: AggregateState,
  command: WaitingCommand,
): Decided & { readonly state: AggregateState; readonly bytes: number } {
  const { decider, request } = command
  const { key, metadata } = request
  const { version } = before.head
  const now = decisionTime(clock.now(), before, request.notBefore)
  const decision = decide(decider, before, request, now)
  if (isRefusal(decision) || decision.length === 0) {
    const refusal = isRefusal(decision) ? { code: decision.refusal, detail: decision.detail } : undefined
    const outcome: CommandOutcome = refusal ? { done: false, ...refusal } : { done: true, stream, version, events: 0 }
    if (request.receipts === 'none' || (refusal && request.receipts !== 'all'))
      return { command, outcome, state: before, bytes: 0 }
    const fingerprint = fingerprintRequest(request)
    const entry: CommandReceipt = { stream, key, fingerprint, version, ...(refusal ? { refusal } : {}) }
    return { command, outcome, entry, state: before, bytes: RECEIPT_BYTES }
  }
  const recorded = record({ service, decider, stream, limits }, before, decision, metadata, now)
  const entry: Commit = { stream, key, fingerprint: fingerprintRequest(request), events: recorded.events }
  const bytes = checkWritable(entry, recorded.bytes, limits)
  const state = fold(decider, before, recorded.events)
  const outcome = { done: true, stream, version: state.head.version, events: recorded.events.length } as const
  return { command, outcome, entry, state, bytes }
}

/** More than a receipt has: two hashes, a code and its detail. */
const RECEIPT_BYTES = 8 * 1024

/** The same request has the same fingerprint, whatever the order or the white space of its fields. */
function fingerprintRequest({ command, expectedVersion }: CommandRequest): string {
  return canonicalHash({ ...command, ...(expectedVersion === undefined ? {} : { expectedVersion }) })
}

export function decide(
  decider: AnyDecider,
  before: AggregateState,
  request: CommandRequest,
  now: string,
): Decision<DomainEvent> {
  const { stream, command, expectedVersion } = request
  const { version } = before.head
  if (version === 0 && !creates(decider, request))
    return refuse('stream-not-found', `there is no ${decider.category} ${parseId(stream)}`)
  if (expectedVersion !== undefined && expectedVersion !== version)
    return refuse('version-mismatch', `${stream} is at version ${version}, not ${expectedVersion}`)
  return decider.decide(before.state, command, { id: parseId(stream), now })
}

/** What commands decided, and the states before and after. */
interface Plan {
  readonly state: AggregateState
  readonly end: AggregateState
  readonly decided: readonly Decided[]
}

/** Which commands have their answer, the newest state that is known, and whether they decided on an older one. */
interface Settled {
  readonly answered: ReadonlySet<WaitingCommand>
  readonly state: AggregateState | undefined
  readonly stale: boolean
}

/**
 * Writes what was decided, and answers. What was decided on a state that is not the newest is not written,
 * and decides again.
 */
async function settle(deps: CommandDependencies, stream: string, plan: Plan): Promise<Settled> {
  const { decided, state, end } = plan
  const kept = decided.filter((each): each is Decided & { entry: LogEntry } => each.entry !== undefined)
  const [first] = decided
  if (first === undefined) return { answered: new Set(), state, stale: false }

  // An append proves the state that it follows. Where there is none to prove it, the log is asked.
  if (!kept.some(({ entry }) => isCommit(entry))) {
    const newest = await catchUp(deps, first.command.decider, stream, state)
    if (newest.head.version !== state.head.version) return { answered: new Set(), state: newest, stale: true }
  }
  const result = kept.length > 0 ? await appendKnown(deps.store, stream, state, kept) : APPENDED
  switch (result.outcome) {
    case 'appended': {
      if (end !== state) deps.cache.set(stream, end)
      return { answered: await answerAll(deps.store, stream, decided), state: end, stale: false }
    }
    case 'missing':
      // What was cached may be of a log that was restored to an earlier point: the log itself decides.
      deps.cache.delete(stream)
      return { answered: new Set(), state: undefined, stale: true }
    case 'conflict': {
      const read = () => catchUp(deps, first.command.decider, stream, state)
      // A command that creates mostly meets itself, and its key answers it. Any other mostly meets what
      // another instance wrote meanwhile.
      const [answered, newest] = await Promise.all([
        answerKnown(deps.store, stream, result.suspects),
        state.head.version > 0 ? read() : undefined,
      ])
      if (answered.size > 0) return { answered, state: newest ?? state, stale: false }
      return { answered, state: newest ?? (await read()), stale: true }
    }
  }
}

const APPENDED = { outcome: 'appended' } as const
const TAKEN = { outcome: 'conflict' } as const

/** As `AppendResult`, and whose key may be in the log already. */
type SettledAppend =
  | Exclude<AppendResult, { outcome: 'conflict' }>
  | { readonly outcome: 'conflict'; readonly suspects: readonly WaitingCommand[] }

/**
 * Appends. Where the outcome is unknown, the log tells it; where not even the log knows, the same append is
 * tried again. It cannot take effect twice, since it creates the items that a first one has created.
 */
async function appendKnown(
  store: EventStore,
  stream: string,
  { head }: AggregateState,
  kept: readonly (Decided & { readonly entry: LogEntry })[],
): Promise<SettledAppend> {
  const entries = kept.map(({ entry }) => entry)
  const commands = kept.map(({ command }) => command)
  try {
    const result = await store.append(head, entries)
    return result.outcome === 'conflict'
      ? { ...result, suspects: commands.slice(result.index, result.index + 1) }
      : result
  } catch (error) {
    if (!isTidemarkError(error, 'outcome-unknown')) throw error
    const unknown = (cause: unknown): never => {
      const message = `it is not known whether the command took effect on ${stream}`
      throw new TidemarkError('outcome-unknown', message, { cause })
    }
    const [first] = entries
    const written = await store.findOutcome(stream, first?.key ?? '').catch(unknown)
    const result = written ? TAKEN : await store.append(head, entries).catch(unknown)
    return result.outcome === 'conflict' ? { ...result, suspects: commands } : result
  }
}

/** Answers the commands whose keys the log knows. @returns these. */
async function answerKnown(
  store: EventStore,
  stream: string,
  commands: readonly WaitingCommand[],
): Promise<ReadonlySet<WaitingCommand>> {
  const answered = new Set<WaitingCommand>()
  await Promise.all(
    commands.map(async (command) => {
      const known = await store.findOutcome(stream, command.request.key)
      if (known === undefined) return
      command.resolve(toOutcome(stream, command.request, known))
      answered.add(command)
    }),
  )
  return answered
}

/** Answers commands whose decision is in the log, or was made on the newest state. @returns these. */
async function answerAll(
  store: EventStore,
  stream: string,
  decided: readonly Decided[],
): Promise<ReadonlySet<WaitingCommand>> {
  for (const { command, outcome, entry } of decided) {
    if (entry === undefined) continue
    if (isCommit(entry)) command.onAppended(entry.events)
    command.resolve(outcome)
  }
  // Of a refusal nothing is kept, and so nothing has shown yet that its key is new.
  const unkept = decided.filter(({ entry }) => entry === undefined)
  const repeatable = unkept.filter(({ command }) => command.request.receipts !== 'none')
  const known = await answerKnown(
    store,
    stream,
    repeatable.map(({ command }) => command),
  )
  for (const { command, outcome } of unkept) if (!known.has(command)) command.resolve(outcome)
  return new Set(decided.map(({ command }) => command))
}

async function catchUp(
  deps: CommandDependencies,
  decider: AnyDecider,
  stream: string,
  state: AggregateState,
): Promise<AggregateState> {
  try {
    const newest = await (state.head.version === 0
      ? loadCold(deps, decider, stream)
      : readForward(deps.store, decider, stream, state))
    if (newest.head.version > 0) deps.cache.set(stream, newest)
    return newest
  } catch (error) {
    // What was cached may be of a log that was restored to an earlier point: the log itself decides.
    if (!isTidemarkError(error, 'chain-broken') || state.head.version === 0) throw error
    return loadCold(deps, decider, stream)
  }
}

/** The answer to a key that the log knows: made of what is kept alone, so that it is the same every time. */
function toOutcome(stream: string, request: CommandRequest, known: KeyOutcome): CommandOutcome {
  const { version, events, refusal } = known
  const differs = known.fingerprint !== fingerprintRequest(request)
  // A later build may send another content for the same cause: what the first one led to stands.
  if (differs && request.receipts !== 'all')
    return {
      done: false,
      code: 'idempotency-key-reused',
      detail: `the key ${request.key} was used on ${stream} for another request`,
    }
  const difference = differs ? ({ contentDiffers: true } as const) : {}
  return refusal ? { done: false, ...refusal, ...difference } : { done: true, stream, version, events, ...difference }
}
