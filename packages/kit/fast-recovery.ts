/**
 * Settings with which a host takes over a killed host's partitions and leases within seconds. Without them it
 * takes up to two minutes, as host.json and the triggers' lease options say. Tests that kill hosts use all of
 * them. `npm start` uses only the lease setting.
 */
export const FAST_RECOVERY = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:10',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:03',
  FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '10000',
} as const
