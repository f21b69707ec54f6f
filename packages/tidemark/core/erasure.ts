import * as z from 'zod'
import { type Command, commandType, type Decider } from './decider.ts'
import { type EventOf, eventType } from './event.ts'

const fields = { key: z.string().min(1), reason: z.string().min(1).max(1000) }

/** The key of a subject was destroyed. The subject itself is not named: the stream's id is a hash of its name. */
const SubjectForgotten = eventType('SubjectForgotten', z.object(fields))
type ErasureEvent = EventOf<typeof SubjectForgotten>
type RecordErasure = Command<'record', { readonly key: string; readonly reason: string }>

/**
 * Records which subjects were forgotten, when, by whom and why. A service with personal data lists it among its
 * deciders; `tidemark forget` sends its command. Each subject has one stream, `erasure-<id of the subject>`.
 * @example
 * ```ts
 * import { erasure, type Service } from 'tidemark'
 *
 * export const withErasure = (service: Service): Service => ({
 *   ...service,
 *   deciders: [...service.deciders, erasure],
 * })
 * ```
 */
export const erasure: Decider<readonly string[], RecordErasure, ErasureEvent> = {
  category: 'erasure',
  commands: [commandType('record', z.strictObject(fields), { creates: true })],
  events: [SubjectForgotten],
  initial: [],
  evolve: (keys, { data }) => [...keys, data.key],
  decide: (keys, { data }) => (keys.includes(data.key) ? [] : [{ type: 'SubjectForgotten', data }]),
}
