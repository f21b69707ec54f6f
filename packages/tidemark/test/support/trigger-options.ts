import { buildRelayTrigger } from '../../azure-functions/triggers.ts'
import { MAX_SKEW_MS } from '../../cosmos/store-clock.ts'

/** How the relay of any service is triggered. */
export const relayTrigger = buildRelayTrigger({ name: 'any', relayPollDelay: 1 } as Parameters<
  typeof buildRelayTrigger
>[0])

/** How wrong the clock of a host may be. Milliseconds. */
export { MAX_SKEW_MS }
