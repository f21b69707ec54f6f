const RENEWAL_MS = 10 * 60_000

/**
 * Lets a process end although its SDK clients leak timers. When a sender of @azure/event-hubs 6.0.4
 * reconnects, it starts a new renewal of its token (45 min) and never stops the old one, not even in close()
 * (eventHubSender.js, _init).
 */
export function unrefRenewals(): void {
  const original = globalThis.setTimeout
  const patched = (...args: Parameters<typeof original>): NodeJS.Timeout => {
    const timer = original(...args)
    return (args[1] ?? 0) > RENEWAL_MS ? timer.unref() : timer
  }
  globalThis.setTimeout = Object.assign(patched, original) as typeof original
}
