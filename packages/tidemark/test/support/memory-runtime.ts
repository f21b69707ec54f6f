import { randomBytes } from 'node:crypto'
import { toCloudEvent } from '../../core/cloud-event.ts'
import type { Command } from '../../core/decider.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { KeyItems, KeyStorage } from '../../core/ports.ts'
import type { Trace } from '../../core/reaction.ts'
import type { Service } from '../../core/service.ts'
import { parseCategory } from '../../core/stream.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryKeys, memoryKeys } from '../../memory/keys.ts'
import { MemoryLogBrowser } from '../../memory/log-browser.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemoryRebuilds } from '../../memory/rebuilds.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemorySnapshots } from '../../memory/snapshots.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { type RuntimePorts, serviceRuntime } from '../../runtime/service-runtime.ts'
import { ManualClock } from './fakes.ts'

class ReadyClock extends ManualClock {
  readonly skew = undefined
  async ready(): Promise<void> {}
}

/** The stores of a service in memory. They outlive its processes. */
export function memoryStores(keys: KeyItems = new MemoryKeys()) {
  return {
    log: new MemoryEventStore(),
    keys: new Map<string, KeyStorage>([['library', memoryKeys(keys)]]),
    snapshots: new MemorySnapshots(),
    views: new MemoryViewStores(),
    parking: new MemoryParking(),
    clock: new ReadyClock(),
  }
}

export type MemoryStores = ReturnType<typeof memoryStores>

let keysSent = 0

/** The ports of a process. */
export function memoryPorts(stores: MemoryStores, more: Partial<RuntimePorts> = {}): RuntimePorts {
  const { log, keys, clock } = stores
  return {
    log: () => log,
    feed: () => log,
    snapshots: () => stores.snapshots,
    generations: () => stores.views,
    browser: () => new MemoryLogBrowser(log),
    verifier: () => {
      throw new Error('nothing is verified here')
    },
    rebuilds: () => new MemoryRebuilds(),
    schedule: () => new MemorySchedule(clock),
    keys: {
      of(name) {
        const storage = keys.get(name)
        if (storage) return storage
        throw new Error(`there are no keys of ${name}`)
      },
      random: () => randomBytes(32),
    },
    progress: () => new MemoryProgress(() => clock.elapsed()),
    parking: () => stores.parking,
    publisher: () => ({ publish: async () => {} }),
    hub: () => ({
      partitions: async () => ['0'],
      close: async () => {},
      madeAt: async () => '1999-01-01T00:00:00.000Z',
      bounds: async () => ({ first: 0, last: 0 }),
      async *read() {},
    }),
    relayLag: () => ({ read: async () => ({ commits: 0, more: false }) }),
    clock,
    instance: 'a',
    random: () => 0.5,
    ids: () => 'a',
    every: () => {},
    warn: () => {},
    ...more,
  }
}

export const memorySettings = {
  ...{ cachedStreams: 10, snapshotEvents: 1, queryWaitMs: 0 },
  ...{ schedulePollSeconds: 1, lagCheckSeconds: 1, archiveSeconds: 300, sendsCanaries: false },
}

/** Starts a process of a service in memory. */
export function startInMemory(service: Service, stores: MemoryStores, more: Partial<RuntimePorts> = {}) {
  const { clock } = stores
  const runtime = serviceRuntime(service, memoryPorts(stores, more), memorySettings)
  let sequence = -1
  const deliver = (events: readonly RecordedEvent[]) => {
    const messages = events.map(toCloudEvent)
    const first = { sequence: sequence + 1, time: clock.now() }
    sequence += messages.length
    return { partition: '0', messages, first, last: { sequence, time: clock.now() } }
  }
  return {
    runtime,
    /** Sends a command with a key of its own, or with the given one. */
    send(stream: string, command: Command, key = `k${++keysSent}`) {
      const decider = service.deciders.find(({ category }) => category === parseCategory(stream))
      if (decider === undefined) throw new Error(`no decider for ${stream}`)
      const metadata = { actor: 'a', correlation: 'c', causation: 'c' }
      return runtime.command(decider, { stream, key, receipts: 'unchanged', command, metadata })
    },
    project: (events: readonly RecordedEvent[]) => runtime.project(deliver(events), () => {}),
    projectFrom: (hub: string, events: readonly RecordedEvent[]) => runtime.projectFrom(hub, deliver(events), () => {}),
    react: (hub: string, events: readonly RecordedEvent[], trace: Trace = () => {}) =>
      runtime.react(hub, deliver(events), trace),
  }
}
