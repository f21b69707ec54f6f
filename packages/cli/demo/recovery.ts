/**
 * How long the services may make no progress after an instance was killed, in milliseconds. Another instance
 * takes over its partitions and its feed once its claims expire. A batch that failed meanwhile is retried
 * after up to 30 s. The value allows for twice that, because the other instance may be killed too. A test
 * compares it with host.json and the triggers.
 */
export const RECOVERY_MS = 240_000
