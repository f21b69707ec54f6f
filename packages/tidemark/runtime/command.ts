import type { CommandRequest, CommandResult } from '../core/command.ts'
import {
  type CommandReceipt,
  type Commit,
  isCommit,
  type KeyOutcome,
  type LogEntry,
  UNKNOWN_REQUEST,
} from '../core/commit.ts'
import { type AnyDecider, type Decision, isRefusal, type Refusal, refuse } from '../core/decider.ts'
import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, RecordedEvent } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import { hasSealed, listPersonalFields, mapPersonal, SEALED } from '../core/personal.ts'
import type { AppendResult, Clock, EventStore } from '../core/ports.ts'
import type { Service } from '../core/service.ts'
import { parseId } from '../core/stream.ts'
import { findKeys } from './event-keys.ts'
import { type AggregateState, callDecider, emptyState, fold, readForward } from './fold.ts'
import { type Personal, TextsOutdated } from './personal.ts'
import { checkWritable, decisionTime, record } from './record.ts'
import type { ColdLoader } from './snapshots.ts'

/** How many stale attempts commands may make before their stream counts as contended. */
const MAX_ATTEMPTS = 20

/**
 * A bounded cache of aggregate states by stream. An entry is only a hint: an append verifies it, and a
 * refusal is checked against the log.
 */
export interface StateCache {
  get(stream: string): AggregateState | undefined
  set(stream: string, state: AggregateState): unknown
  delete(stream: string): unknown
  /** When the personal texts in a state were opened, by `Clock.elapsed`. Absent: no state has any. */
  openedAt?(stream: string): number
}

export interface CommandDependencies {
  readonly service: Pick<Service, 'name' | 'publishes'>
  readonly store: EventStore
  readonly cache: StateCache
  readonly clock: Clock
  /** Absent: streams are read from their first event. */
  readonly cold?: ColdLoader
  /** The keys of subjects. Absent: personal texts are not sealed, as in tests of deciders. */
  readonly personal?: Pick<Personal, 'newestKey'>
}

/**
 * Receives the events that a command led to, with their personal texts, only if this call appends them. The
 * command's answer contains no events, so that it is the same every time.
 */
export type OnAppended = (events: readonly RecordedEvent[]) => void

/** A command in the queue of its stream, with the callbacks of its caller. */
export interface WaitingCommand {
  readonly decider: AnyDecider
  readonly request: CommandRequest
  readonly onAppended: OnAppended
  readonly resolve: (outcome: CommandResult) => void
  readonly reject: (error: unknown) => void
}

/** Handles a single command; see `handleCommands`. */
export function handleCommand(
  deps: CommandDependencies,
  decider: AnyDecider,
  request: CommandRequest,
  onAppended: OnAppended = () => {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    void handleCommands(deps, request.stream, [{ decider, request, onAppended, resolve, reject }])
  })
}

/**
 * Handles commands of one stream: load, fold, decide one after another, append everything in one batch. After
 * a conflict the commands decide again on the newer state.
 *
 * A key has one outcome: a repeated key with the same request gets the first answer. Only the newest state
 * may refuse. A refusal by a precondition or the domain is a value.
 *
 * A command rejects with TidemarkError `stream-contended`, `outcome-unknown` or `unavailable`, which are
 * retriable with the same key. A fault of the decider or the log rejects with `event-invalid`,
 * `decision-too-large`, `event-too-large`, `chain-broken` or `event-unknown`.
 * @param waiting commands with different keys, in the order in which they decide.
 */
export async function handleCommands(
  deps: CommandDependencies,
  stream: string,
  waiting: readonly WaitingCommand[],
): Promise<void> {
  let left = waiting
  try {
    left = rejectSealed(waiting)
    let known: AggregateState | undefined
    for (let attempts = 0; left.length > 0; ) {
      const state = known ?? (await loadState(deps, stream, left))
      const { decided, end, later, areOutdated } = await decideAll(deps, stream, state, left)
      left = [...decided.map(({ command }) => command), ...later]
      const settled = areOutdated ? forgetState(deps, stream) : await settle(deps, stream, { state, end, decided })
      left = left.filter((command) => !settled.answered.has(command))
      known = settled.state
      if (!settled.stale) continue
      attempts += 1
      if (attempts === MAX_ATTEMPTS)
        throw new TidemarkError('stream-contended', `too many writers append to ${stream} at once`)
    }
  } catch (error) {
    // The cached state may be what does not match the log.
    if (isTidemarkError(error, 'chain-broken')) deps.cache.delete(stream)
    for (const command of left) command.reject(error)
  }
  deps.cold?.answered(stream)
}

/** Returns the cached state, or loads it from the log. */
async function loadState(
  deps: CommandDependencies,
  stream: string,
  [first]: readonly WaitingCommand[],
): Promise<AggregateState> {
  if (first === undefined) throw new TidemarkError('internal', `no command waits for ${stream}`)
  const { decider, request } = first
  const known = deps.cache.get(stream)
  if (known) return known
  // A command that creates most likely finds an empty stream; if not, the append shows it at no extra cost.
  return creates(decider, request) ? emptyState(decider) : loadCold(deps, decider, stream)
}

function loadCold({ store, cold }: CommandDependencies, decider: AnyDecider, stream: string): Promise<AggregateState> {
  return cold ? cold.load(decider, stream) : readForward(store, decider, stream, emptyState(decider))
}

function creates(decider: AnyDecider, { command }: CommandRequest): boolean {
  return decider.commands.find(({ name }) => name === command.type)?.creates ?? false
}

/** A command that has decided, with its outcome provided that the state was the newest. */
interface Decided {
  readonly command: WaitingCommand
  readonly outcome: CommandResult
  /** What is appended for the command; absent if nothing is. */
  readonly entry?: LogEntry
  /** The events of the entry with their personal texts. */
  readonly opened?: readonly RecordedEvent[]
}

/**
 * Lets commands decide one after another, each on the state after the previous ones, up to one write's
 * limits.
 */
async function decideAll(
  deps: CommandDependencies,
  stream: string,
  start: AggregateState,
  waiting: readonly WaitingCommand[],
): Promise<{
  readonly decided: readonly Decided[]
  readonly end: AggregateState
  readonly later: readonly WaitingCommand[]
  /** Whether all of them must decide on a state that is opened anew. */
  readonly areOutdated?: true
}> {
  const decided: Decided[] = []
  const { limits } = deps.store
  let state = start
  let bytes = 0
  for (const [index, command] of waiting.entries()) {
    if (decided.length === limits.entries) return { decided, end: state, later: waiting.slice(index) }
    try {
      const made = await decideOne(deps, stream, state, command)
      bytes += made.bytes
      if (decided.length > 0 && bytes > limits.bytes) return { decided, end: state, later: waiting.slice(index) }
      decided.push(made)
      state = made.state
    } catch (error) {
      if (error instanceof TextsOutdated) {
        const later = [...decided.map(({ command }) => command), ...waiting.slice(index)]
        return { decided: [], end: start, later, areOutdated: true }
      }
      // One command's fault does not affect the others.
      command.reject(error)
    }
  }
  return { decided, end: state, later: [] }
}

async function decideOne(
  deps: CommandDependencies,
  stream: string,
  before: AggregateState,
  command: WaitingCommand,
): Promise<Decided & { readonly state: AggregateState; readonly bytes: number }> {
  const { service, clock } = deps
  const { limits } = deps.store
  const { decider, request } = command
  const { key, metadata } = request
  const { version } = before.head
  const now = decisionTime(clock.now(), before, request.notBefore)
  const decision = callDecider(decider, () => decide(decider, before, request, now))
  if (isRefusal(decision) || decision.length === 0) {
    const refusal = isRefusal(decision) ? toRefusal(decider, request, decision) : undefined
    const outcome: CommandResult = refusal
      ? { outcome: 'refused', ...refusal }
      : { outcome: 'done', stream, version, events: 0 }
    if (request.receipts === 'none' || (refusal && request.receipts !== 'all'))
      return { command, outcome, state: before, bytes: 0 }
    const fingerprint = fingerprintRequest(decider, request)
    const entry: CommandReceipt = { stream, key, fingerprint, version, ...(refusal ? { refusal } : {}) }
    return { command, outcome, entry, state: before, bytes: RECEIPT_BYTES }
  }
  const keys = await findKeys(deps, command, before, decision)
  const recorded = record({ service, decider, stream, limits }, before, {
    ...{ events: decision, metadata, now },
    ...(keys ? { keys } : {}),
  })
  const { events, opened } = recorded
  const entry: Commit = { stream, key, fingerprint: fingerprintRequest(decider, request), events }
  const bytes = checkWritable(entry, recorded.bytes, limits)
  const state = fold(decider, before, opened)
  const outcome = { outcome: 'done', stream, version: state.head.version, events: events.length } as const
  return { command, outcome, entry, opened, state, bytes }
}

/**
 * A refusal as it is answered. One for a reaction is stored and logged, and the detail of a decider with a
 * subject may hold personal texts in any form. So the declared sentence stands in its place.
 */
function toRefusal({ subject, refusals }: AnyDecider, request: CommandRequest, { code, detail }: Refusal) {
  if (subject === undefined || request.receipts !== 'all') return { code, detail }
  return { code, detail: refusals?.[code] ?? `${request.stream} refused ${request.command.type}` }
}

/**
 * Rejects commands with a sealed text. It would be opened for whoever queries the view it gets into, so nobody
 * may send one.
 * @returns the others.
 */
function rejectSealed(waiting: readonly WaitingCommand[]): readonly WaitingCommand[] {
  return waiting.filter(({ request, reject }) => {
    const { stream, command, metadata } = request
    if (!hasSealed([command.data, metadata])) return true
    const text = `${command.type} to ${stream} has the text ${SEALED}, which is reserved`
    reject(new TidemarkError('invalid-command', text))
    return false
  })
}

/** Upper bound for a receipt: two hashes, a code and its detail. */
const RECEIPT_BYTES = 8 * 1024

/**
 * The same request has the same fingerprint, regardless of field order and white space. It leaves out personal
 * texts: the log keeps it for ever, and the hash of a name can be guessed.
 */
function fingerprintRequest({ commands }: AnyDecider, request: CommandRequest): string {
  const { type, data } = request.command
  const { schema } = commands.find(({ name }) => name === type) ?? {}
  const fields = schema ? listPersonalFields(schema) : []
  return fingerprintWhole({ ...request, command: { type, data: mapPersonal(data, fields, () => '') } })
}

/** The fingerprint of a request as of before its fields were marked as personal. */
function fingerprintWhole({ command, expectedVersion }: CommandRequest): string {
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

/** The decisions of commands, with the states before and after. */
interface Plan {
  readonly state: AggregateState
  readonly end: AggregateState
  readonly decided: readonly Decided[]
}

/** The next attempt loads the state again, and opens its texts with the keys that there are now. */
function forgetState({ cache }: CommandDependencies, stream: string): Settled {
  cache.delete(stream)
  return { answered: new Set(), state: undefined, stale: true }
}

/** The commands that were answered, the newest known state, and whether the decisions used an older one. */
interface Settled {
  readonly answered: ReadonlySet<WaitingCommand>
  readonly state: AggregateState | undefined
  readonly stale: boolean
}

/**
 * Appends the decisions and answers the commands. Decisions on an outdated state are not appended; these
 * commands decide again.
 */
async function settle(deps: CommandDependencies, stream: string, plan: Plan): Promise<Settled> {
  const { decided, state, end } = plan
  const kept = decided.filter((each): each is Decided & { entry: LogEntry } => each.entry !== undefined)
  const [first] = decided
  if (first === undefined) return { answered: new Set(), state, stale: false }

  // An append verifies the state that it follows. Without an append, the log is read instead.
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
      // The cached state may be from before the log was restored to an earlier point, so the log is read
      // again.
      return forgetState(deps, stream)
    case 'conflict': {
      const read = () => catchUp(deps, first.command.decider, stream, state)
      // A command that creates usually conflicts with itself, and its key has the answer. Other commands
      // usually conflict with an append of another instance.
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

/** As `AppendResult`, with the commands whose keys may already be in the log. */
type SettledAppend =
  | Exclude<AppendResult, { outcome: 'conflict' }>
  | { readonly outcome: 'conflict'; readonly suspects: readonly WaitingCommand[] }

/**
 * Appends. If the outcome is unknown, the key is looked up in the log. If the key is not there, the same
 * append is repeated: it cannot take effect twice, because it creates items with the same ids.
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
      const message = `it is unknown whether the command took effect on ${stream}: send it again with the same key`
      throw new TidemarkError('outcome-unknown', message, { cause })
    }
    const [first] = entries
    const written = await store.findOutcome(stream, first?.key ?? '').catch(unknown)
    const result = written ? TAKEN : await store.append(head, entries).catch(unknown)
    return result.outcome === 'conflict' ? { ...result, suspects: commands } : result
  }
}

/** Answers the commands whose keys are in the log. @returns these commands. */
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
      command.resolve(toOutcome(stream, command, known))
      answered.add(command)
    }),
  )
  return answered
}

/** Answers commands whose decision is in the log, or was made on the newest state. @returns these commands. */
async function answerAll(
  store: EventStore,
  stream: string,
  decided: readonly Decided[],
): Promise<ReadonlySet<WaitingCommand>> {
  for (const { command, outcome, entry, opened } of decided) {
    if (entry === undefined) continue
    if (isCommit(entry)) command.onAppended(opened ?? entry.events)
    command.resolve(outcome)
  }
  // A refusal without a receipt appends nothing, so its key has not been checked against the log yet.
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
    // The cached state may be from before the log was restored to an earlier point, so the log is read again.
    if (!isTidemarkError(error, 'chain-broken') || state.head.version === 0) throw error
    return loadCold(deps, decider, stream)
  }
}

/** The answer for a key in the log. It uses only what is stored, so that it is the same every time. */
function toOutcome(stream: string, { decider, request }: WaitingCommand, known: KeyOutcome): CommandResult {
  const { version, events, refusal } = known
  const differs =
    known.fingerprint !== UNKNOWN_REQUEST &&
    known.fingerprint !== fingerprintRequest(decider, request) &&
    known.fingerprint !== fingerprintWhole(request)
  // A later build of a reaction may send different content for the same cause; the first outcome stands.
  if (differs && request.receipts !== 'all')
    return refuse('idempotency-key-reused', `the key ${request.key} was already used on ${stream} for another request`)
  const difference = differs ? ({ contentDiffers: true } as const) : {}
  return refusal
    ? { outcome: 'refused', ...refusal, ...difference }
    : { outcome: 'done', stream, version, events, ...difference }
}
