import type { FAST_RECOVERY } from '../../packages/kit/fast-recovery.ts'

/**
 * What a killed host held is taken up sooner still than under `npm start`: while a test waits for that, its
 * load keeps the machine busy.
 */
export const FASTER_RECOVERY: Record<keyof typeof FAST_RECOVERY, string> = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:04',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:01',
  FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '4000',
}
