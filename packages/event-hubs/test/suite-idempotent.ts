import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, type TestContext, test } from 'node:test'
import { EventHubBufferedProducerClient, type EventHubProducerClient, earliestEventPosition } from '@azure/event-hubs'
import rhea, { type Connection, type EventContext, type Sender } from 'rhea'
import { within } from '../../test-support/wait.ts'
import { HeldProxy } from './held-proxy.ts'
import {
  captureRefusal,
  createConsumer,
  createProducer,
  type EventHubsTarget,
  IMPATIENT,
  listBodies,
  PATIENT,
  parseHostAndPort,
  receive,
} from './support.ts'
import { SASL_PLAIN } from './witness.ts'

/** Each test has its own partition. The buffered producer has its own hub, because it uses all partitions. */
const HUB = 'idempotent'
const BUFFERED_HUB = 'idempotent-buffered'
const BATCH_FORMAT = 0x80013700
const CAPABILITY = 'com.microsoft:idempotent-producer'
const ID = 'com.microsoft:producer-id'
const EPOCH = 'com.microsoft:producer-epoch'
const SEQUENCE = 'com.microsoft:producer-sequence-number'
const OUT_OF_ORDER = 'com.microsoft:out-of-order-sequence'
const EPOCH_STOLEN = 'com.microsoft:producer-epoch-stolen'

/** A producer's identity from the server's attach. */
interface Identity {
  readonly id: number
  readonly epoch: number
  /** The last stored sequence number; the next event has one more. */
  readonly sequence: number
}

/** Idempotent publishing: a producer's id, epoch and sequence numbers let the service store a repeated batch once. */
export function idempotence(target: () => EventHubsTarget): void {
  // The proxies outlive their tests: closing an SDK client never completes while its server is away.
  const proxies: HeldProxy[] = []
  after(() => Promise.all(proxies.map((proxy) => proxy.stop())))

  test('a new producer gets a new id (long), an epoch (short) and sequence number 0 (int)', async (t) => {
    const connection = connectPlain(t)
    const bytes: Buffer[] = []
    connection.socket.on('data', (chunk: Buffer) => bytes.push(chunk))
    const { identity } = await attach(connection, '0')
    assert.equal(identity.sequence, 0)
    const other = await attach(connectPlain(t), '0')
    assert.notEqual(other.identity.id, identity.id)
    const typeAfter = (key: string): number | undefined => {
      const all = Buffer.concat(bytes)
      return all[all.lastIndexOf(key) + key.length]
    }
    assert.ok([0x81, 0x55].includes(typeAfter(ID) ?? 0), 'a long')
    assert.equal(typeAfter(EPOCH), 0x61, 'a short')
    assert.ok([0x71, 0x54].includes(typeAfter(SEQUENCE) ?? 0), 'an int')
  })

  test('rejects a sequence with a gap as out of order, does not store it, and keeps the link', async (t) => {
    const { sender, identity } = await attach(connectPlain(t), '1')
    assert.equal(await outcome(sender, identity, 2, ['too early']), OUT_OF_ORDER)
    assert.equal(await outcome(sender, identity, 1, ['a', 'b']), 'accepted')
    assert.equal(await outcome(sender, identity, 4, ['too early']), OUT_OF_ORDER)
    assert.equal(await outcome(sender, identity, 3, ['c']), 'accepted')
    assert.deepEqual(await stored(t, '1'), ['a', 'b', 'c'])
  })

  test('acknowledges a repeated batch and stores it once, on its link and on the next', async (t) => {
    const first = await attach(connectPlain(t), '2')
    const { identity } = first
    assert.equal(await outcome(first.sender, identity, 1, ['a', 'b']), 'accepted')
    assert.equal(await outcome(first.sender, identity, 1, ['a', 'b']), 'accepted')
    assert.equal(await outcome(first.sender, identity, 3, ['c']), 'accepted')
    assert.equal(await outcome(first.sender, identity, 3, ['c']), 'accepted')
    // A client that missed the last acknowledgement attaches with the number before, and the server accepts
    // it.
    const second = await attach(connectPlain(t), '2', { ...identity, sequence: 2 })
    assert.deepEqual(second.identity, { ...identity, sequence: 2 })
    assert.equal(await outcome(second.sender, identity, 3, ['c']), 'accepted')
    assert.equal(await outcome(second.sender, identity, 4, ['d']), 'accepted')
    assert.deepEqual(await stored(t, '2'), ['a', 'b', 'c', 'd'])
  })

  test('refuses a link with a lower epoch; one with a higher epoch detaches the older link', async (t) => {
    const { identity, sender: old } = await attach(connectPlain(t), '3')
    const higher = { ...identity, epoch: identity.epoch + 1 }
    const detached = within(once(old, 'sender_close'), 'the end of the older link')
    const { sender } = await attach(connectPlain(t), '3', higher)
    await detached
    assert.equal(readCondition(old.error), EPOCH_STOLEN)
    assert.equal(await refusedAttach(connectPlain(t), '3', identity), EPOCH_STOLEN)
    assert.equal(await outcome(sender, higher, 1, ['of the newer']), 'accepted')
    assert.deepEqual(await stored(t, '3'), ['of the newer'])
  })

  test('knows ids, epochs and sequence numbers after a SIGKILL', async (t) => {
    const { kill } = target()
    if (!kill) return t.skip('this target cannot be killed')
    const first = await attach(connectPlain(t), '4')
    const known = { ...first.identity, epoch: first.identity.epoch + 3 }
    const { sender } = await attach(connectPlain(t), '4', known)
    assert.equal(await outcome(sender, known, 1, ['a', 'b']), 'accepted')
    assert.equal(await outcome(sender, known, 3, ['c', 'd']), 'accepted')
    await kill()
    assert.equal(await refusedAttach(connectPlain(t), '4', first.identity), EPOCH_STOLEN)
    const again = await attach(connectPlain(t), '4', { ...known, sequence: undefined })
    assert.deepEqual(again.identity, { ...known, sequence: 4 })
    assert.equal(await outcome(again.sender, known, 3, ['c', 'd']), 'accepted')
    assert.equal(await outcome(again.sender, known, 6, ['too early']), OUT_OF_ORDER)
    assert.equal(await outcome(again.sender, known, 5, ['e']), 'accepted')
    const fresh = await attach(connectPlain(t), '4')
    assert.notEqual(fresh.identity.id, known.id)
    assert.deepEqual(await stored(t, '4'), ['a', 'b', 'c', 'd', 'e'])
  })

  for (const [how, partition] of [
    ['its connection', '5'],
    ['its server', '6'],
  ] as const)
    test(`a batch that the SDK repeats after losing ${how} is stored once`, async (t) => {
      const { connectionString, kill } = target()
      if (how === 'its server' && !kill) return t.skip('this target cannot be killed')
      const proxy = await startProxy()
      const producer = idempotent(createProducer(t, proxy.connectionString, HUB, PATIENT))
      await producer.sendBatch([{ body: 0 }], { partitionId: partition })
      proxy.hold()
      const sending = producer.sendBatch([{ body: 1 }, { body: 2 }], { partitionId: partition })
      const consumer = createConsumer(t, connectionString, HUB)
      await receive(consumer, partition, earliestEventPosition, 3)
      if (how === 'its server') await kill?.()
      proxy.drop()
      await within(sending, 'the acknowledgement')
      await producer.sendBatch([{ body: 3 }], { partitionId: partition })
      assert.deepEqual(await stored(t, partition), [0, 1, 2, 3])
    })

  test('of two SDK producers with one id, the higher owner level wins; one that is ahead is refused', async (t) => {
    const { connectionString } = target()
    const first = await attach(connectPlain(t), '7')
    const older = idempotent(createProducer(t, connectionString, HUB, IMPATIENT), '7', first.identity)
    await older.sendBatch([{ body: 'older' }], { partitionId: '7' })
    const newer = idempotent(createProducer(t, connectionString, HUB, IMPATIENT), '7', {
      ...first.identity,
      epoch: first.identity.epoch + 1,
      sequence: 1,
    })
    await newer.sendBatch([{ body: 'newer' }], { partitionId: '7' })
    // The older producer is refused when it attaches again. The SDK has no code for that condition.
    await captureRefusal(older.sendBatch([{ body: 'too late' }], { partitionId: '7' }))
    const ahead = idempotent(createProducer(t, connectionString, HUB, IMPATIENT), '7', {
      ...first.identity,
      epoch: first.identity.epoch + 1,
      sequence: 9,
    })
    const { code } = await captureRefusal(ahead.sendBatch([{ body: 'too early' }], { partitionId: '7' }))
    assert.equal(code, 'SequenceOutOfOrderError')
    assert.deepEqual(await stored(t, '7'), ['older', 'newer'])
  })

  test('a buffered producer with idempotent retries stores every event once, despite lost connections', async (t) => {
    const proxy = await startProxy()
    const failures: unknown[] = []
    let succeeded = 0
    const buffered = new EventHubBufferedProducerClient(proxy.connectionString, BUFFERED_HUB, {
      ...PATIENT,
      enableIdempotentRetries: true,
      maxWaitTimeInMs: 20,
      onSendEventsErrorHandler: async ({ error }) => void failures.push(error),
      onSendEventsSuccessHandler: async ({ events }) => {
        succeeded += events.length
      },
    })
    t.after(() => buffered.close())
    const rounds = 10
    const each = 40
    for (let round = 0; round < rounds; round++) {
      const loses = round % 3 === 1
      if (loses) {
        await within(buffered.flush(), 'a flush')
        proxy.hold()
      }
      for (let i = 0; i < each; i++)
        await buffered.enqueueEvent({ body: round * each + i }, { partitionKey: `key-${i % 7}` })
      if (loses) {
        await within(arrived(t, round * each), 'events that are stored and not acknowledged')
        proxy.drop()
      }
    }
    await within(buffered.flush(), 'the last flush', () => succeeded)
    assert.deepEqual(failures, [])
    assert.equal(succeeded, rounds * each)
    const bodies: unknown[] = []
    for (const partition of ['0', '1']) bodies.push(...(await stored(t, partition, BUFFERED_HUB)))
    assert.deepEqual(
      bodies.map(Number).sort((a, b) => a - b),
      Array.from({ length: rounds * each }, (_, n) => n),
    )
  })

  /** Settles when the hub has more than `count` events, acknowledged or not. */
  async function arrived(t: TestContext, count: number): Promise<void> {
    const producer = createProducer(t, target().connectionString, BUFFERED_HUB)
    for (let total = -1; total <= count; ) {
      total = 0
      for (const partition of ['0', '1'])
        total += (await producer.getPartitionProperties(partition)).lastEnqueuedSequenceNumber + 1
    }
  }

  /** Returns all bodies of a partition. */
  async function stored(t: TestContext, partition: string, hub = HUB): Promise<unknown[]> {
    const { connectionString } = target()
    const { lastEnqueuedSequenceNumber } = await createProducer(t, connectionString, hub).getPartitionProperties(
      partition,
    )
    const consumer = createConsumer(t, connectionString, hub)
    return listBodies(await receive(consumer, partition, earliestEventPosition, lastEnqueuedSequenceNumber + 1))
  }

  async function startProxy(): Promise<{ readonly connectionString: string; hold(): void; drop(): void }> {
    const { connectionString } = target()
    const { port } = parseHostAndPort(connectionString)
    const proxy = await HeldProxy.start(port)
    proxies.push(proxy)
    return {
      connectionString: connectionString.replace(`:${port}`, `:${proxy.port}`),
      hold: () => proxy.hold(),
      drop: () => proxy.drop(),
    }
  }

  function connectPlain(t: TestContext): Connection {
    const address = parseHostAndPort(target().connectionString)
    const connection = rhea.create_container().connect({ ...address, reconnect: false, ...SASL_PLAIN })
    // Tests end the server or replace a link while this client is connected.
    for (const event of ['disconnected', 'sender_error']) connection.on(event, () => {})
    t.after(() => connection.close())
    return connection
  }
}

/**
 * Turns on idempotent retries of EventHubProducerClient 6.0.4. EventHubBufferedProducerClient uses them, but
 * there is no public option (eventHubProducerClient.js, _enableIdempotentRetries and _partitionOptions).
 */
function idempotent(producer: EventHubProducerClient, partition?: string, from?: Identity): EventHubProducerClient {
  const options = from && {
    ownerLevel: from.epoch,
    producerGroupId: from.id,
    startingSequenceNumber: from.sequence,
  }
  return Object.assign(producer, {
    _enableIdempotentRetries: true,
    ...(partition !== undefined && { _partitionOptions: { [partition]: options } }),
  })
}

type Asked = Omit<Identity, 'sequence'> & { readonly sequence: number | undefined }

function openSender(connection: Connection, partition: string, as: Asked | undefined): Sender {
  return connection.open_sender({
    target: `${HUB}/Partitions/${partition}`,
    desired_capabilities: [CAPABILITY],
    // An empty map asks for a new producer.
    properties: as
      ? {
          [ID]: rhea.types.wrap_long(as.id),
          [EPOCH]: rhea.types.wrap_short(as.epoch),
          [SEQUENCE]: as.sequence === undefined ? null : rhea.types.wrap_int(as.sequence),
        }
      : {},
  } as Parameters<Connection['open_sender']>[0])
}

/** Attaches an idempotent sender, and returns the identity that the server gives it. */
async function attach(
  connection: Connection,
  partition: string,
  as?: Asked,
): Promise<{ readonly sender: Sender; readonly identity: Identity }> {
  const sender = openSender(connection, partition, as)
  await within(once(sender, 'sendable'), 'credit')
  const { [ID]: id, [EPOCH]: epoch, [SEQUENCE]: sequence } = sender.properties ?? {}
  for (const [what, value] of Object.entries({ id, epoch, sequence }))
    assert.ok(Number.isSafeInteger(value), `the attach gives the producer's ${what}`)
  return { sender, identity: { id, epoch, sequence } }
}

/** Returns the condition with which an attach is refused. */
async function refusedAttach(connection: Connection, partition: string, as: Asked): Promise<unknown> {
  const sender = openSender(connection, partition, as)
  await within(once(sender, 'sender_error'), 'a refused link')
  return readCondition(sender.error)
}

/**
 * Sends a batch whose first event has the sequence number `from`. Returns `accepted`, or the condition of the
 * rejection.
 */
async function outcome(
  sender: Sender,
  { id, epoch }: Identity,
  from: number,
  bodies: readonly string[],
): Promise<unknown> {
  const buildAnnotations = (sequence: number): Record<string, unknown> => ({
    [ID]: rhea.types.wrap_long(id),
    [EPOCH]: rhea.types.wrap_short(epoch),
    [SEQUENCE]: rhea.types.wrap_int(sequence),
  })
  const events = bodies.map((body, i) =>
    rhea.message.encode({
      message_annotations: buildAnnotations(from + i),
      body: rhea.message.data_section(Buffer.from(JSON.stringify(body))),
    }),
  )
  const batch = rhea.message.encode({
    message_annotations: buildAnnotations(from),
    body: rhea.message.data_sections(events),
  })
  const settled = new Promise<unknown>((resolve) => {
    const settle = (result: unknown): void => {
      sender.removeAllListeners('accepted')
      sender.removeAllListeners('rejected')
      resolve(result)
    }
    sender.on('accepted', () => settle('accepted'))
    sender.on('rejected', ({ delivery }: EventContext) =>
      settle(readCondition((delivery?.remote_state as { readonly error?: unknown } | undefined)?.error)),
    )
  })
  sender.send(batch, undefined, BATCH_FORMAT)
  return within(settled, 'the outcome of a batch')
}

const readCondition = (error: unknown): unknown => (error as { readonly condition?: unknown } | undefined)?.condition
