/**
 * Settings under which a host takes over what a killed one held within seconds. The real host takes as long
 * as host.json and the lease options of the triggers say, up to two minutes: the tests that kill hosts say
 * openly that they do not wait for that. `npm start` takes the time of the lease alone.
 */
export const FAST_RECOVERY = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:10',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:03',
  FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '10000',
} as const
