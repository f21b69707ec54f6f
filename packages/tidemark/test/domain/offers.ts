import { z } from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'

const until = z.object({ until: z.iso.datetime() })
const OfferMade = eventType('OfferMade', until)
const OfferExpired = eventType('OfferExpired', z.object({}))
const events = [OfferMade, OfferExpired] as const
const commands = [
  commandType('make', until.strict(), { creates: true }),
  commandType('expire', z.strictObject({})),
] as const

/** An offer that is valid until a given time, and does not expire before. */
export const offer: Decider<
  { readonly until?: string },
  CommandOf<(typeof commands)[number]>,
  EventOf<(typeof events)[number]>
> = {
  category: 'offer',
  commands,
  events,
  refusals: { 'offer-holds': 'The offer has not run out yet.' },
  initial: {},
  evolve: (state, { type, data }) => (type === 'OfferMade' ? data : state),
  decide({ until = '' }, { type, data }, { now }) {
    if (type === 'make') return [{ type: 'OfferMade', data }]
    return now < until ? refuse('offer-holds', `it holds until ${until}`) : [{ type: 'OfferExpired', data: {} }]
  },
}
