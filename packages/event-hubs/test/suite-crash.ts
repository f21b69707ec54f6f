import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type EventHubProducerClient, earliestEventPosition } from '@azure/event-hubs'
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob'
import { ContainerClient } from '@azure/storage-blob'
import { within } from '../../test-support/wait.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import type { MemberMessage, MemberOptions } from './balance-member.ts'
import { createConsumer, createProducer, type EventHubsTarget, PATIENT, parseHostAndPort, receive } from './support.ts'

const PARTITIONS = ['0', '1', '2', '3']
const PRODUCERS = 8
const BATCH = 10
const KILLS = 4
/**
 * No retries, because a repeated send would be stored twice. The time-out shows a sender that its server was
 * killed.
 */
const ONE_TRY = { retryOptions: { maxRetries: 0, timeoutInMs: 1000 } }
const MEMBER = fileURLToPath(new URL('./balance-member.ts', import.meta.url))

interface Body {
  readonly producer: number
  readonly n: number
}

/** Consumers that keep running while the server, or one of them, is killed. */
export function crashes(target: () => EventHubsTarget): void {
  let azurite: Azurite
  before(async () => {
    azurite = await startAzurite()
  })
  after(() => azurite?.stop())

  test('live consumers get every acknowledged event, in order, although the server is killed', async (t) => {
    const { connectionString, kill } = target()
    if (!kill) return t.skip('this target cannot be killed')
    const hub = 'streamed'
    const changes = new Changes()
    const delivered = PARTITIONS.map((partition) => follow(t, hub, partition, changes))
    const producers = Array.from(
      { length: PRODUCERS },
      (_, id) => new Producer(createProducer(t, connectionString, hub, ONE_TRY), id, changes),
    )
    const acknowledged = (): number => Math.min(...producers.map((producer) => producer.acknowledged.size))
    const gate = { open: Promise.resolve(), stopped: false }
    const sending = producers.map((producer) => producer.run(gate))
    for (let round = 1; round <= KILLS; round++) {
      const enough = acknowledged() + 5 * BATCH
      await changes.until('acknowledgements', () => acknowledged() >= enough)
      gate.open = kill()
      await gate.open
    }
    await changes.until('acknowledgements', () => acknowledged() >= (KILLS + 1) * 5 * BATCH)
    gate.stopped = true
    await within(Promise.all(sending), 'the producers to stop')

    let events = 0
    for (const [index, partition] of PARTITIONS.entries()) {
      const { lastEnqueuedSequenceNumber: last } = await createProducer(
        t,
        connectionString,
        hub,
      ).getPartitionProperties(partition)
      const all = delivered[index] ?? []
      await changes.until(`event ${last} of partition ${partition}`, () => (all.at(-1)?.sequence ?? -1) >= last)
      const live = selectUnique(all, last)
      const again = await receive(createConsumer(t, connectionString, hub), partition, earliestEventPosition, last + 1)
      assert.deepEqual(
        again.slice(0, last + 1).map(({ sequenceNumber, body }) => ({ sequence: sequenceNumber, body })),
        live,
      )
      events += live.length
      for (const producer of producers.filter(({ partitionId }) => partitionId === partition)) {
        const own = live.filter(({ body }) => body.producer === producer.id).map(({ body }) => body.n)
        assert.deepEqual(
          own,
          [...own].sort((a, b) => a - b),
          'in the order of sending',
        )
        assert.equal(new Set(own).size, own.length, 'each one once')
        const there = new Set(own)
        const lost = [...producer.acknowledged].filter((n) => !there.has(n))
        assert.deepEqual(lost, [], 'no acknowledged event is lost')
        const invented = own.filter((n) => n >= producer.sent)
        assert.deepEqual(invented, [], 'no event that was not sent')
      }
    }
    assert.ok(events >= PRODUCERS * KILLS * 5 * BATCH)
    t.diagnostic(`${events} events delivered, ${KILLS} kills`)
  })

  test('when one of two consumers is killed, the other takes over and misses nothing', async (t) => {
    const { connectionString, kill } = target()
    const hub = 'taken'
    const store = new ContainerClient(azurite.connectionString, 'crashes')
    await store.create()
    const producer = createProducer(t, connectionString, hub)
    const sent: string[] = []
    const send = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++)
        for (const partitionId of PARTITIONS) {
          const body = `${partitionId}.${sent.length}`
          await producer.sendBatch([{ body }], { partitionId })
          sent.push(body)
        }
    }
    const changes = new Changes()
    const options: MemberOptions = {
      connectionString,
      hub,
      blobs: azurite.connectionString,
      container: 'crashes',
      expiryMs: 5000,
    }
    const received = new Map<string, Set<unknown>>(PARTITIONS.map((partition) => [partition, new Set()]))
    const one = startMember(t, options, received, changes)
    const two = startMember(t, options, received, changes)
    const count = (): number => [...received.values()].reduce((sum, { size }) => sum + size, 0)
    await changes.until('two partitions each', () => one.owned.size === 2 && two.owned.size === 2)
    await send(5)
    await changes.until('events', () => count() >= sent.length)

    const midStream = send(20)
    const seen = count() + 8
    await changes.until('events', () => count() >= seen)
    one.child.kill('SIGKILL')
    await midStream
    await changes.until('the other to own all', () => two.owned.size === 4)
    await changes.until('every event', () => count() >= sent.length)
    if (kill) {
      const overTheKill = send(10)
      await kill()
      await overTheKill
    }
    await send(1)
    await changes.until('the last events', () => PARTITIONS.every((partition) => lastIsThere(partition)))
    for (const partition of PARTITIONS) {
      const missing = sent.filter((body) => body.startsWith(`${partition}.`) && !received.get(partition)?.has(body))
      assert.deepEqual(missing, [])
    }

    const checkpoints = await new BlobCheckpointStore(store).listCheckpoints(
      parseHostAndPort(connectionString).host,
      hub,
      '$Default',
    )
    assert.deepEqual(checkpoints.map(({ partitionId }) => partitionId).sort(), PARTITIONS)
    for (const { partitionId, sequenceNumber } of checkpoints) {
      const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(partitionId)
      assert.ok(sequenceNumber <= lastEnqueuedSequenceNumber, `${sequenceNumber} of ${lastEnqueuedSequenceNumber}`)
    }
    t.diagnostic(`${count()} events received`)

    function lastIsThere(partition: string): boolean {
      const last = sent.findLast((body) => body.startsWith(`${partition}.`))
      return received.get(partition)?.has(last) ?? false
    }
  })

  /** Receives a partition during the whole test. @returns the received events in order. */
  function follow(
    t: TestContext,
    hub: string,
    partition: string,
    changes: Changes,
  ): { readonly sequence: number; readonly body: Body }[] {
    const delivered: { readonly sequence: number; readonly body: Body }[] = []
    const consumer = createConsumer(t, target().connectionString, hub, PATIENT)
    const subscription = consumer.subscribe(
      partition,
      {
        async processEvents(events) {
          delivered.push(...events.map(({ sequenceNumber, body }) => ({ sequence: sequenceNumber, body })))
          changes.happened()
        },
        // The SDK reports a lost connection here, and then reconnects.
        async processError() {},
      },
      { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
    )
    t.after(() => subscription.close())
    return delivered
  }
}

/**
 * Returns the events up to a sequence number, each once. After a lost connection, the SDK reads undelivered
 * events again. So an event may be repeated, but none may be missing or changed.
 */
function selectUnique<Event extends { readonly sequence: number }>(delivered: readonly Event[], last: number): Event[] {
  const unique: Event[] = []
  for (const event of delivered) {
    assert.ok(event.sequence <= unique.length, `${event.sequence} came after ${unique.length - 1}`)
    if (event.sequence < unique.length) assert.deepEqual(event, unique[event.sequence])
    else unique.push(event)
  }
  // A failed send may still be stored now.
  return unique.slice(0, last + 1)
}

/** Lets a test wait for conditions, which are checked whenever something happens. */
class Changes {
  readonly #watchers = new Set<() => void>()

  happened(): void {
    for (const watcher of this.#watchers) watcher()
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const holds = Promise.withResolvers<void>()
    const watcher = (): void => {
      if (condition()) holds.resolve()
    }
    this.#watchers.add(watcher)
    watcher()
    await within(holds.promise, what).finally(() => this.#watchers.delete(watcher))
  }
}

/**
 * Sends batch after batch to one partition, and none twice: it never repeats a failed send.
 */
class Producer {
  readonly id: number
  readonly partitionId: string
  readonly acknowledged = new Set<number>()
  sent = 0
  readonly #client: EventHubProducerClient
  readonly #changes: Changes

  constructor(client: EventHubProducerClient, id: number, changes: Changes) {
    this.id = id
    this.partitionId = String(id % PARTITIONS.length)
    this.#client = client
    this.#changes = changes
  }

  /** Sends until `gate.stopped`. After a failure it waits for `gate.open`, the server's restart. */
  async run(gate: { readonly open: Promise<void>; readonly stopped: boolean }): Promise<void> {
    while (!gate.stopped) {
      const from = this.sent
      this.sent += BATCH
      const bodies: Body[] = Array.from({ length: BATCH }, (_, i) => ({ producer: this.id, n: from + i }))
      try {
        await this.#client.sendBatch(
          bodies.map((body) => ({ body })),
          { partitionId: this.partitionId },
        )
      } catch {
        await gate.open
        continue
      }
      for (const { n } of bodies) this.acknowledged.add(n)
      this.#changes.happened()
    }
  }
}

interface Member {
  readonly child: ChildProcess
  readonly owned: ReadonlySet<string>
}

function startMember(
  t: TestContext,
  options: MemberOptions,
  received: ReadonlyMap<string, Set<unknown>>,
  changes: Changes,
): Member {
  const child = fork(MEMBER, [JSON.stringify(options)], { execArgv: [] })
  t.after(() => child.kill('SIGKILL'))
  const owned = new Set<string>()
  child.on('message', (message: MemberMessage) => {
    if (message.kind === 'owns') owned.add(message.partition)
    else if (message.kind === 'lost') owned.delete(message.partition)
    else for (const [, body] of message.events) received.get(message.partition)?.add(body)
    changes.happened()
  })
  return { child, owned }
}
