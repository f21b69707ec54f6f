import type { CommandRequest } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { DomainEvent } from '../core/event.ts'
import type { PersonalKey } from '../core/personal.ts'
import type { Service } from '../core/service.ts'
import { type AggregateState, callDecider, evolve } from './fold.ts'
import { type NewestKey, type Personal, TextsOutdated } from './personal.ts'
import { needsKey } from './record.ts'

interface KeyDependencies {
  readonly service: Pick<Service, 'name' | 'publishes'>
  /** Absent: personal texts are not sealed, as in tests of deciders. */
  readonly personal?: Pick<Personal, 'newestKey'>
  /** Knows when the texts in a stream's state were opened. Absent: no state has any. */
  readonly cache: { openedAt?(stream: string): number }
}

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
    keys.push(owner === undefined ? undefined : await findKey(deps, request, personal.newestKey(owner)))
  }
  return keys
}

/**
 * A text that was opened before its subject was forgotten must not be sealed with the key of the next generation:
 * it would be readable for ever.
 * @throws TextsOutdated for the state; TidemarkError `unavailable` for a reaction, which opens its event again
 */
async function findKey(
  { cache }: KeyDependencies,
  { stream, command, openedAt }: CommandRequest,
  finding: Promise<NewestKey>,
): Promise<PersonalKey> {
  const readAgain = () => {
    const why = `${command.type} to ${stream} has texts of a person who was forgotten meanwhile`
    return new TidemarkError('unavailable', `${why}: its event is read again`)
  }
  const key = await finding.catch((error: unknown) => {
    throw openedAt !== undefined && error instanceof TextsOutdated ? readAgain() : error
  })
  if (openedAt !== undefined && key.since > openedAt) throw readAgain()
  if (cache.openedAt && key.since > cache.openedAt(stream)) throw new TextsOutdated()
  return key
}
