import { millisecondsSetting, type Settings } from './settings.ts'
import type { TriggerOptions } from './trigger-options.ts'

/**
 * How often a trigger looks for free leases, how long its leases last, and how often it renews them. In
 * milliseconds.
 */
export interface LeaseIntervals {
  readonly acquireMs: number
  readonly expirationMs: number
  readonly renewMs: number
}

/**
 * The defaults of the real trigger:
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-cosmosdb-v2-trigger#configuration
 */
const DEFAULT: LeaseIntervals = { acquireMs: 13_000, expirationMs: 60_000, renewMs: 17_000 }

/**
 * Reads the intervals of a registration. FUNCTIONS_HOST_LEASE_EXPIRATION_MS scales them all in proportion.
 * Only this host has that setting: in the real host no setting overrides a registration.
 * @throws StartError if a value is not a number.
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
