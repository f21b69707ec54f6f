import type { RecordedCommit } from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Clock, EventHistory, EventStore, KeyStorage } from '../core/ports.ts'
import { hasPersonalData, type Service } from '../core/service.ts'
import { once } from './once.ts'
import { Personal } from './personal.ts'
import { StoredKeys } from './stored-keys.ts'

/** The keys of subjects: the service's own, and those it may read. */
export interface KeyPorts {
  of(service: string): KeyStorage
  /** Returns 32 random bytes. */
  random(): Uint8Array
}

/**
 * Opens the keys that a service may use.
 * @throws TidemarkError `registration-invalid` if it needs keys, but has none
 */
export function openPersonal(
  service: Service,
  keys: KeyPorts | undefined,
  clock: Pick<Clock, 'now' | 'elapsed'>,
): Personal {
  const reads = service.personal?.reads ?? []
  if (keys === undefined) {
    if (!hasPersonalData(service) && reads.length === 0)
      return new Personal(service.name, { of: () => undefined }, clock)
    throw new TidemarkError('registration-invalid', `${service.name} has personal data, but no place for its keys`)
  }
  const readers = new Map(reads.map((name) => [name, once(() => new StoredKeys(keys.of(name), keys.random))]))
  const own = hasPersonalData(service) ? { own: new StoredKeys(keys.of(service.name), keys.random) } : {}
  return new Personal(service.name, { ...own, of: (name) => readers.get(name)?.() }, clock)
}

/** The log as deciders read it: with personal texts. Its checks of the chain stay the same. */
export function openedLog(log: EventStore & EventHistory, personal: Personal): EventStore & EventHistory {
  return {
    limits: log.limits,
    findOutcome: (stream, key) => log.findOutcome(stream, key),
    append: (after, entries) => log.append(after, entries),
    async *read(stream, after) {
      for await (const page of log.read(stream, after)) yield await openCommits(personal, page)
    },
    readRange: async (stream, range) => personal.openEvents(await log.readRange(stream, range)),
  }
}

async function openCommits(personal: Personal, commits: readonly RecordedCommit[]): Promise<readonly RecordedCommit[]> {
  const events = await personal.openEvents(commits.flatMap((commit) => commit.events))
  let at = 0
  return commits.map((commit) => {
    at += commit.events.length
    return { ...commit, events: events.slice(at - commit.events.length, at) }
  })
}
