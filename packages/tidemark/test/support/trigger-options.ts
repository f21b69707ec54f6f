import { buildRelayTrigger } from '../../azure-functions/triggers.ts'
import { MAX_SKEW_MS } from '../../cosmos/store-clock.ts'

/** The trigger of any service's relay. */
export const relayTrigger = buildRelayTrigger({ name: 'any', relayPollDelay: 1 } as Parameters<
  typeof buildRelayTrigger
>[0])

/** The tolerated error of a host's clock. Milliseconds. */
export { MAX_SKEW_MS }
