/**
 * How long the services may stand still after an instance was killed before that is a fault, in milliseconds.
 * The partitions and the feed that it held are taken over once its claims expire, and a batch that failed
 * meanwhile is tried again after up to 30 s. Twice all that: whoever takes over may be killed too. A test
 * holds it against host.json and the triggers.
 */
export const RECOVERY_MS = 240_000
