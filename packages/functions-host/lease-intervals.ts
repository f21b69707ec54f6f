import { millisecondsSetting, type Settings } from './settings.ts'
import type { TriggerOptions } from './trigger-options.ts'

/**
 * How long a trigger's leases last, how often they are renewed, and how often leases that are free are
 * sought. Milliseconds.
 */
export interface LeaseIntervals {
  readonly acquireMs: number
  readonly expirationMs: number
  readonly renewMs: number
}

/**
 * Those of the real trigger:
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-cosmosdb-v2-trigger#configuration
 */
const DEFAULT: LeaseIntervals = { acquireMs: 13_000, expirationMs: 60_000, renewMs: 17_000 }

/**
 * The intervals of a registration. FUNCTIONS_HOST_LEASE_EXPIRATION_MS, which only this host knows, shortens
 * them all in proportion: the real host has no setting that overrides a registration.
 * @throws StartError for a number that is none.
 */
export function leaseIntervals(options: TriggerOptions, settings: Settings): LeaseIntervals {
  const registered = {
    acquireMs: options.number('leaseAcquireInterval', DEFAULT.acquireMs),
    expirationMs: options.number('leaseExpirationInterval', DEFAULT.expirationMs),
    renewMs: options.number('leaseRenewInterval', DEFAULT.renewMs),
  }
  const expirationMs = millisecondsSetting(settings, 'FUNCTIONS_HOST_LEASE_EXPIRATION_MS', registered.expirationMs)
  const part = expirationMs / registered.expirationMs
  return {
    acquireMs: Math.ceil(registered.acquireMs * part),
    expirationMs,
    renewMs: Math.ceil(registered.renewMs * part),
  }
}
