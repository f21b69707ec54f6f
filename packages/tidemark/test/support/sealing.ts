import type { AnyDecider } from '../../core/decider.ts'
import type { DomainEvent, RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { PersonalKey } from '../../core/personal.ts'
import type { Service } from '../../core/service.ts'
import { MemoryKeys, memoryKeys } from '../../memory/keys.ts'
import { LIMITS } from '../../memory/limits.ts'
import { Personal } from '../../runtime/personal.ts'
import { record } from '../../runtime/record.ts'
import { StoredKeys } from '../../runtime/stored-keys.ts'

const metadata = { actor: 'a', correlation: 'c', causation: 'c' }

/** Records events as a command does. @param key seals their personal texts. Absent: they stay. */
export function recordAll(
  service: Service,
  decider: AnyDecider,
  events: readonly DomainEvent[],
  key?: PersonalKey,
): readonly RecordedEvent[] {
  const recorder = { service, decider, stream: `${decider.category}-1`, limits: LIMITS }
  const before = { head: EMPTY_STREAM, time: '' }
  const decided = { events, metadata, now: '2026-01-01T00:00:00.000Z' }
  return record(recorder, before, { ...decided, ...(key ? { keys: events.map(() => key) } : {}) }).events
}

/** Keys in memory, as a process of the service uses them. */
export function personalInMemory({ name }: Service, randomKey: () => Uint8Array): Personal {
  const own = new StoredKeys(memoryKeys(new MemoryKeys()), randomKey)
  return new Personal(name, { own, of: () => undefined }, { elapsed: () => 1 })
}
