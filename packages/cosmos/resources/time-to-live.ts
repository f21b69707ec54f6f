// https://learn.microsoft.com/azure/cosmos-db/nosql/time-to-live
export const MAX_TTL_SECONDS = 2_147_483_647

/** Whether a value is a valid time to live: seconds, or -1 for ever. */
export function isTtl(value: unknown): value is number {
  return Number.isInteger(value) && (value === -1 || (Number(value) > 0 && Number(value) <= MAX_TTL_SECONDS))
}

/**
 * The seconds that an item lives; undefined for ever. Without a default of the container nothing expires,
 * whatever the item says.
 */
export function resolveTtl(defaultTtl: number | undefined, ttl: number | undefined): number | undefined {
  if (defaultTtl === undefined) return undefined
  const seconds = ttl ?? defaultTtl
  return seconds === -1 ? undefined : seconds
}
