// What Event Hubs' Standard tier takes: https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas

/** Bytes of the largest event that is taken: a message has 1 MB, less what AMQP puts around it. */
export const EVENT_BYTES = 1024 * 1024 - 16 * 1024

/** The longest time that a hub can keep its events, in hours. */
export const RETENTION_HOURS = 168
