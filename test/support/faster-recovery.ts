import type { FAST_RECOVERY } from '../../packages/kit/fast-recovery.ts'

/**
 * Lets hosts take over from a killed one even sooner than under `npm start`, because the load of a waiting
 * test keeps the machine busy.
 */
export const FASTER_RECOVERY: Record<keyof typeof FAST_RECOVERY, string> = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:04',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:01',
  FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '4000',
}
