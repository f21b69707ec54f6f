import type { CommandRequest } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { DomainEvent } from '../core/event.ts'
import type { PersonalKey } from '../core/personal.ts'
import type { Service } from '../core/service.ts'
import { type AggregateState, callDecider, evolve } from './fold.ts'
import type { NewestKey, Personal } from './personal.ts'
import { needsKey } from './record.ts'

interface KeyDependencies {
  readonly service: Pick<Service, 'name' | 'publishes'>
  /** Absent: personal texts are not sealed, as in tests of deciders. */
  readonly personal?: Pick<Personal, 'newestKey'>
  /** Knows when the texts in a stream's state were opened. Absent: no state has any. */
  readonly cache: { openedAt?(stream: string): number }
}

/** Thrown if a decision may have used a personal text of before its subject was forgotten. */
export class TextsOutdated extends Error {}

/**
 * The keys of the events' subjects. An event without personal fields has none. Undefined: nothing is sealed.
 * @throws TidemarkError `event-invalid` if the subject of a stream changes; and as `Personal.newestKey`
 */
export async function findKeys(
  deps: KeyDependencies,
  { decider, request }: { readonly decider: AnyDecider; readonly request: CommandRequest },
  before: AggregateState,
  events: readonly DomainEvent[],
): Promise<readonly (PersonalKey | undefined)[] | undefined> {
  const { service, personal } = deps
  if (personal === undefined) return undefined
  if (decider.subject === undefined) return []
  const findSubject = (state: unknown) => callDecider(decider, () => decider.subject?.(state))
  let { state } = before
  let subject = before.head.version === 0 ? undefined : findSubject(state)
  const keys: (PersonalKey | undefined)[] = []
  for (const event of events) {
    state = evolve(decider, state, event)
    const next = findSubject(state)
    if (subject !== undefined && next !== subject)
      throw new TidemarkError('event-invalid', `${event.type} changes the subject of its ${decider.category}`)
    subject = next
    const owner = needsKey(service, decider, event) ? subject : undefined
    const key = owner === undefined ? undefined : await personal.newestKey(owner)
    if (key) checkTexts(deps, request, key)
    keys.push(key)
  }
  return keys
}

/**
 * A text that was opened before its subject was forgotten must not be sealed with the key of the next generation:
 * it would be readable for ever.
 * @throws TextsOutdated for the state; TidemarkError `unavailable` for a reaction, which opens its event again
 */
function checkTexts(
  { cache }: KeyDependencies,
  { stream, command, openedAt = Number.POSITIVE_INFINITY }: CommandRequest,
  { since }: NewestKey,
): void {
  if (since > openedAt)
    throw new TidemarkError(
      'unavailable',
      `${command.type} to ${stream} has texts of a person who was forgotten meanwhile: its event is read again`,
    )
  if (cache.openedAt && since > cache.openedAt(stream)) throw new TextsOutdated()
}
