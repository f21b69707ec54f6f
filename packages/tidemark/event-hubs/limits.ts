// Limits of Event Hubs' Standard tier: https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas

/** The largest event that can be published, in bytes: 1 MB for a message, minus the AMQP framing. */
export const EVENT_BYTES = 1024 * 1024 - 16 * 1024

/** The longest retention of a hub, in hours. */
export const RETENTION_HOURS = 168
