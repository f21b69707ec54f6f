import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import type { Command } from '../core/decider.ts'
import type { DomainEvent } from '../core/event.ts'
import type { ScheduledCommand } from '../core/ports.ts'
import type { ProcessManager } from '../core/process-manager.ts'
import type { AnyReaction } from '../core/reaction.ts'
import { listReactions, type Service } from '../core/service.ts'
import { diffEvents, diffValues, formatValue, refuseAwait, toJson } from './format.ts'
import { Harness } from './harness.ts'
import { later } from './moment.ts'
import type { Given } from './recorded-as.ts'
import { listSeeds, type Orders, seeded } from './shuffle.ts'

/** Events by stream: of the service itself, and of the services it follows. */
export type Messages = Readonly<Record<string, readonly Given[]>>

/**
 * A scheduled command that a test expects.
 * @example
 * ```ts
 * import { type Expected, later, moment, react } from 'tidemark/testing'
 * import { entries, laterEntries } from './entries.ts'
 *
 * // The reaction opens an entry an hour after its door.
 * const opening: Expected = {
 *   due: later(moment(), 3600),
 *   stream: 'entry-door-1',
 *   command: { type: 'open', data: { title: 'a title' } },
 * }
 * const unlocked = { 'door-1': [{ type: 'Unlocked', data: { title: 'a title' } }] }
 * await react(entries, laterEntries).when(unlocked).thenScheduled([opening])
 * ```
 */
export interface Expected {
  /** RFC 3339, UTC, milliseconds */
  readonly due: string
  readonly stream: string
  readonly command: Command
}

/**
 * The reactions of a service, under test. Each expectation delivers the messages to the real reactions, in
 * every requested way, and executes the commands they send. It rejects with AssertionError if the outcome
 * differs in any of them.
 * @example
 * ```ts
 * import { type Reacted, react } from 'tidemark/testing'
 * import { entries, laterEntries } from './entries.ts'
 *
 * // Each expectation runs the whole story, so one story can have several.
 * const attic = { title: 'attic' }
 * const unlocked: Reacted = react(entries, laterEntries).when({ 'door-1': [{ type: 'Unlocked', data: attic }] })
 * await unlocked.thenNothing()
 * await unlocked.after(3600).then({ 'entry-door-1': [{ type: 'Opened', data: attic }] })
 * ```
 */
export interface Reacted {
  /**
   * The past, with everything that follows from it. The service's own events are in its log; those of other
   * services were delivered. It is recorded at `moment()`.
   * @throws TypeError after `when`, `at` or `after`.
   */
  given(messages: Messages): Reacted
  /** Events that happen now. They are delivered, and so is everything that follows from them. */
  when(messages: Messages): Reacted
  /** Moves the clock to a time (RFC 3339) and sends what is due then. */
  at(time: string): Reacted
  /** Moves the clock on by this many seconds and sends what is due then. */
  after(seconds: number): Reacted
  /**
   * Delivers every batch again: to an instance that dies after its commands, to two instances at once, and to
   * one of these once more. Finally delivers all batches to a fresh instance. Due commands are sent again
   * too, by an instance that dies before it removes them.
   */
  deliveredTwice(): Reacted
  /**
   * Also delivers the messages of each `given` and `when` in other orders, together with what follows from
   * them. Each stream stays in order, except within a batch.
   */
  outOfOrder(orders?: Orders): Reacted
  /**
   * Expects exactly these new events by stream, since the first `when`, `at` or `after`. Events of the test
   * itself do not count.
   */
  then(expected: Readonly<Record<string, readonly DomainEvent[]>>): Promise<void>
  /** Expects no new events. */
  thenNothing(): Promise<void>
  /** Expects that a stream refused a command with this code. */
  thenRefused(stream: string, code: string): Promise<void>
  /** Expects exactly these scheduled commands, in any order. */
  thenScheduled(expected: readonly Expected[]): Promise<void>
}

type Step =
  | { readonly kind: 'given' | 'when'; readonly messages: Messages }
  | { readonly kind: 'clock'; readonly move: (now: string) => string }

interface Story {
  readonly service: Service
  readonly reactions: readonly AnyReaction[]
  readonly steps: readonly Step[]
  readonly twice: boolean
  readonly seeds: readonly number[]
}

/**
 * Tests a service's reactions and process managers. It runs the real flow with the service's deciders, on a
 * log and a schedule in memory, with a clock that the test moves.
 * @param followers the reactions and process managers to test; without any, all of the service's.
 * @example
 * ```ts
 * import { type Messages, react } from 'tidemark/testing'
 * import { entries, firstEntries } from './entries.ts'
 *
 * const unlocked: Messages = { 'door-1': [{ type: 'Unlocked', data: { title: 'a title' } }] }
 * await react(entries, firstEntries)
 *   .when(unlocked)
 *   .deliveredTwice()
 *   .then({ 'entry-1': [{ type: 'Opened', data: { title: 'a title' } }] })
 * ```
 */
export function react(service: Service, ...followers: readonly (AnyReaction | ProcessManager)[]): Reacted {
  const named = followers.flatMap((follower) => ('reactions' in follower ? follower.reactions : [follower]))
  const reactions = named.length > 0 ? named : listReactions(service)
  return reacted({ service, reactions, steps: [], twice: false, seeds: [] })
}

function reacted(story: Story): Reacted {
  const addStep = (step: Step): Reacted => reacted({ ...story, steps: [...story.steps, step] })
  const then = (expected: Parameters<Reacted['then']>[0]): Promise<void> => {
    refuseAwait(expected)
    return checkEvery(story, ({ events }) => diffStreams(expected, events))
  }
  return {
    given(messages) {
      if (story.steps.some(({ kind }) => kind !== 'given'))
        throw new TypeError('call given(…) before when(…), at(…) and after(…)')
      return addStep({ kind: 'given', messages })
    },
    when: (messages) => addStep({ kind: 'when', messages }),
    at: (time) => addStep({ kind: 'clock', move: () => time }),
    after: (seconds) => addStep({ kind: 'clock', move: (now) => later(now, seconds) }),
    deliveredTwice: () => reacted({ ...story, twice: true }),
    outOfOrder: (orders = {}) => reacted({ ...story, seeds: listSeeds(orders) }),
    then,
    thenNothing: () => then({}),
    thenRefused: (stream, code) =>
      checkEvery(story, ({ refused }) => {
        if (refused.some((each) => each.stream === stream && each.code === code)) return []
        const came = refused.map((each) => `${each.stream} ${each.code}`)
        return [`expected the refusal ${stream} ${code}, got ${came.length > 0 ? came.join(', ') : 'none'}`]
      }),
    thenScheduled: (expected) => checkEvery(story, ({ scheduled }) => diffScheduled(expected, scheduled)),
  }
}

/** The outcome of a story. */
interface Outcome {
  readonly events: Readonly<Record<string, readonly DomainEvent[]>>
  readonly refused: Harness['refused']
  readonly scheduled: readonly ScheduledCommand[]
}

async function checkEvery(story: Story, differ: (outcome: Outcome) => readonly string[]): Promise<void> {
  const { steps, twice, seeds } = story
  if (!steps.some(({ kind }) => kind !== 'given'))
    throw new TypeError('nothing happens yet: call when(…), at(…) or after(…)')
  for (const seed of [undefined, ...seeds]) {
    const order = seed === undefined ? 'in order' : `out of order (seed ${seed})`
    const how = `messages arrive ${order}${twice ? ', each twice' : ''}`
    let lines: readonly string[]
    try {
      lines = differ(await run(story, seed))
    } catch (cause) {
      const message = `it fails when ${how}: ${(cause as Error).message}`
      throw Object.assign(new AssertionError({ message }), { cause })
    }
    if (lines.length > 0)
      throw new AssertionError({ message: [`the outcome differs when ${how}`, ...lines].join('\n  ') })
  }
}

async function run({ service, reactions, steps, twice }: Story, seed: number | undefined): Promise<Outcome> {
  const harness = new Harness(service, reactions, { twice, random: seed === undefined ? undefined : seeded(seed) })
  let before: { readonly events: number; readonly refused: number } | undefined
  const givenHashes = new Set<string>()
  for (const step of steps) {
    if (step.kind !== 'given') before ??= { events: harness.recorded.length, refused: harness.refused.length }
    if (step.kind === 'clock') harness.moveTo(step.move(harness.now))
    else
      for (const [stream, given] of Object.entries(step.messages))
        for (const event of given) {
          const recorded = await harness.record(stream, event)
          givenHashes.add(recorded.hash)
        }
    await harness.settle()
  }
  const events = harness.recorded.slice(before?.events).filter(({ hash }) => !givenHashes.has(hash))
  return {
    events: Object.fromEntries(Map.groupBy(events, ({ stream }) => stream)),
    refused: harness.refused.slice(before?.refused),
    scheduled: harness.scheduled,
  }
}

function diffStreams(expected: Outcome['events'], came: Outcome['events']): readonly string[] {
  const streams = new Set([...Object.keys(expected), ...Object.keys(came)])
  return [...streams].flatMap((stream) => {
    const lines = diffEvents(expected[stream] ?? [], came[stream] ?? [])
    return lines.length > 0 ? [`${stream}:`, ...lines.map((line) => `  ${line}`)] : []
  })
}

function diffScheduled(expected: readonly Expected[], came: readonly ScheduledCommand[]): readonly string[] {
  const plain = (all: readonly Expected[]) =>
    toJson(all.map(({ due, stream, command }) => ({ due, stream, command }))).toSorted((a, b) =>
      JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
    )
  const [wanted, had] = [plain(expected), plain(came)]
  if (isDeepStrictEqual(wanted, had)) return []
  return wanted.length === had.length
    ? diffValues(wanted, had).map((line) => `scheduled${line}`)
    : [
        ...wanted.map((each) => `expected  ${formatValue(each)}`),
        ...had.map((each) => `got       ${formatValue(each)}`),
      ]
}
