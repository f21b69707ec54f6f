import { millisecondsSetting, type Settings } from './settings.ts'

const SECOND_MS = 1000

/** How long the trigger's leases last, and how often they are looked at, where the registration says nothing. */
export interface LeaseIntervals {
  readonly acquireMs: number
  readonly expirationMs: number
  readonly renewMs: number
}

/**
 * Those of the real trigger, 13, 60 and 17 s; with TIDEMARK_HOST_LEASE_EXPIRATION_MS, which only this host knows, all of them shorter in
 * proportion. https://learn.microsoft.com/azure/azure-functions/functions-bindings-cosmosdb-v2-trigger#configuration
 * @throws StartError for a setting that is no number of milliseconds.
 */
export function leaseIntervals(settings: Settings): LeaseIntervals {
  const expirationMs = millisecondsSetting(settings, 'TIDEMARK_HOST_LEASE_EXPIRATION_MS', 60 * SECOND_MS)
  return {
    acquireMs: Math.ceil((expirationMs * 13) / 60),
    expirationMs,
    renewMs: Math.ceil((expirationMs * 17) / 60),
  }
}
