import { toLogItem } from '../../core/commit.ts'
import { eventId } from '../../core/event.ts'
import { canonicalHash, GENESIS, seal } from '../../core/hash-chain.ts'
import { placedV1 } from '../domain/orders.ts'

/** An item of a log, as it is stored. `verify` finds nothing wrong with it. */
export type Item = Record<string, unknown> & { id: string; stream: string }

/** The commits of a stream: one event, then two, then one each. @param note goes into the later events. */
export function makeItems(stream: string, note = 'as it was', commits = 5): Item[] {
  let [version, previousHash] = [0, GENESIS]
  return Array.from({ length: commits }, (_, index) => {
    const key = `${stream} ${index}`
    const events = Array.from({ length: index === 1 ? 2 : 1 }, () => {
      version += 1
      const { event } = seal({
        ...{ id: eventId(version), stream, version, schemaVersion: 1, source: '/ordering/order' },
        ...(version === 1 ? placedV1 : { type: 'Noted', data: { note: `${note} ${version}` } }),
        ...{ time: '2026-11-30T12:00:00.000Z', correlation: 'c', causation: `command:${key}`, actor: 'tester' },
        previousHash,
      })
      previousHash = event.hash
      return event
    })
    return toLogItem({ stream, key, fingerprint: canonicalHash(key), events }) as unknown as Item
  })
}

/** The receipt of a command that changed nothing. */
export function makeReceipt(stream: string, version: number): Item {
  return toLogItem({ stream, key: `${stream} idle`, fingerprint: canonicalHash('idle'), version }) as unknown as Item
}
