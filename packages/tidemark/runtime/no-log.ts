import { TidemarkError } from '../core/errors.ts'
import type { EventFeed, EventHistory, EventStore, LogBrowser, LogVerifier } from '../core/ports.ts'

/** The log of a service without deciders: it has none, and records nothing. */
export const NO_LOG: EventStore & EventHistory & EventFeed & LogBrowser & LogVerifier = {
  limits: { entries: 0, bytes: 0, eventBytes: 0 },
  async *read() {},
  findOutcome: async () => undefined,
  append: async () => {
    throw new TidemarkError('internal', 'a service without deciders records no events')
  },
  readRange: async () => [],
  count: async () => 0,
  open: () => ({ next: async () => undefined, offset: undefined }),
  newest: async () => ({ commits: [] }),
  streams: async () => [],
  correlated: async () => ({ commits: [] }),
  end: async () => '',
  since: async (continuation) => ({ commits: [], continuation }),
  verify: async () => ({ checked: { streams: 0, commits: 0, events: 0, receipts: 0 }, findings: [] }),
}
