import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import { within } from '../../test-support/wait.ts'
import {
  captureRefusal,
  createConsumer,
  createProducer,
  type EventHubsTarget,
  IMPATIENT,
  listBodies,
  parseHostAndPort,
  readCode,
  receive,
  subscribeError,
} from './support.ts'

/** Long enough for a busy machine to send and receive while the token is valid. */
const SECONDS_OF_A_TOKEN = 8

const HOSTILE: readonly (readonly [string, Buffer])[] = [
  ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['half a protocol header', Buffer.from('AMQP')],
  ['another AMQP version', Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')],
  ['a frame of 0 bytes', amqp('00000000')],
  ['a frame that announces 4 GiB', amqp('fffffff0 02000000 00')],
  ['half a frame', amqp('00000100 02000000 005310')],
  ['an unknown performative', amqp('0000000d 02000000 0053ff4500')],
  ['an attach on a channel that was never begun', amqp('0000000d 02000007 005312c000')],
  ['a list of four billion elements', amqp('00000018 02000000 005310 d0 0000000d ffffffff 4040404000')],
  ['an array of four billion nulls', amqp('0000001e 02000000 005310 d0 00000012 00000001 f0 00000005 ffffffff 40 00')],
  ['values nested without end', nested()],
]

/** What the server must refuse, and with which error. */
export function refusals(target: () => EventHubsTarget): void {
  test('refuses a wrong key with the 401 that the SDK reports as UnauthorizedError', async (t) => {
    const wrong = target().connectionString.replace('SAS_KEY_VALUE', 'another')
    const producer = createProducer(t, wrong, 'refusals', IMPATIENT)
    assert.equal((await captureRefusal(producer.getPartitionIds())).code, 'UnauthorizedError')
    assert.equal((await captureRefusal(producer.sendBatch([{ body: 1 }]))).code, 'UnauthorizedError')
  })

  test('a signed token opens only its hub, on a connection without SASL', async (t) => {
    const signed = withToken(target().connectionString, 'refusals', 3600)
    assert.deepEqual(await createProducer(t, signed, 'refusals', IMPATIENT).getPartitionIds(), ['0', '1'])
    const other = createProducer(t, signed, 'keys', IMPATIENT)
    assert.equal((await captureRefusal(other.getPartitionIds())).code, 'UnauthorizedError')
  })

  test('detaches open links when their token expires, and then passes nothing', async (t) => {
    const sure = createProducer(t, target().connectionString, 'expiring')
    await sure.sendBatch([{ body: 'before' }])
    const signed = withToken(target().connectionString, 'expiring', SECONDS_OF_A_TOKEN)
    const options = { retryOptions: { maxRetries: 0, timeoutInMs: 3000 } }
    const producer = createProducer(t, signed, 'expiring', options)
    const consumer = createConsumer(t, signed, 'expiring', options)
    const received: unknown[] = []
    const first = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<unknown>()
    const subscription = consumer.subscribe(
      '0',
      {
        async processEvents(events) {
          received.push(...listBodies(events))
          if (events.length > 0) first.resolve()
        },
        async processError(error) {
          ended.resolve(error)
        },
      },
      { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
    )
    t.after(() => subscription.close())
    await within(first.promise, 'an event while the token is good')
    await producer.sendBatch([{ body: 'while it is good' }])
    assert.equal(readCode(await within(ended.promise, 'the end of the receiver')), 'UnauthorizedError')
    // A send that crosses the detach runs into the SDK's time-out. The next one gets the error.
    await captureRefusal(producer.sendBatch([{ body: 'too late' }]))
    assert.equal((await captureRefusal(producer.sendBatch([{ body: 'too late' }]))).code, 'UnauthorizedError')
    await sure.sendBatch([{ body: 'after' }])
    const all = await receive(createConsumer(t, target().connectionString, 'expiring'), '0', earliestEventPosition, 3)
    assert.deepEqual(listBodies(all), ['before', 'while it is good', 'after'])
    assert.ok(!received.includes('after'))
  })

  test('refuses an unknown hub as not found, to senders, receivers and requests', async (t) => {
    const producer = createProducer(t, target().connectionString, 'nowhere', IMPATIENT)
    const consumer = createConsumer(t, target().connectionString, 'nowhere', IMPATIENT)
    const sent = await captureRefusal(producer.sendBatch([{ body: 1 }]))
    assert.equal(sent.code, 'MessagingEntityNotFoundError')
    assert.match(sent.message, /The messaging entity '.*nowhere.*' could not be found/)
    assert.equal(readCode(await subscribeError(consumer, '0')), 'MessagingEntityNotFoundError')
    assert.equal((await captureRefusal(producer.getPartitionIds())).code, 'MessagingEntityNotFoundError')
  })

  test('refuses an unknown consumer group as not found', async (t) => {
    const consumer = createConsumer(t, target().connectionString, 'refusals', { ...IMPATIENT, group: 'nobody' })
    assert.equal(readCode(await subscribeError(consumer, '0')), 'MessagingEntityNotFoundError')
  })

  test('refuses an unknown partition as out of range, to senders, receivers and requests', async (t) => {
    const producer = createProducer(t, target().connectionString, 'refusals', IMPATIENT)
    const consumer = createConsumer(t, target().connectionString, 'refusals', IMPATIENT)
    const sent = await captureRefusal(producer.sendBatch([{ body: 1 }], { partitionId: '2' }))
    assert.equal(sent.code, 'ArgumentOutOfRangeError')
    assert.match(sent.message, /It should be between 0 and 1/)
    assert.equal(readCode(await subscribeError(consumer, '7')), 'ArgumentOutOfRangeError')
    assert.equal((await captureRefusal(producer.getPartitionProperties('2'))).code, 'ArgumentOutOfRangeError')
  })

  test('refuses a start position that is malformed or beyond the end', async (t) => {
    const consumer = createConsumer(t, target().connectionString, 'refusals', IMPATIENT)
    for (const startPosition of [{ offset: 'here' }, { sequenceNumber: 7 }, { offset: '4096' }])
      assert.equal(readCode(await subscribeError(consumer, '1', { startPosition })), 'ArgumentError')
  })

  test('refuses a message above 1 MiB, and its producer continues (AMQP 1.0 2.7.3, max-message-size)', async (t) => {
    const producer = createProducer(t, target().connectionString, 'refusals', IMPATIENT)
    const consumer = createConsumer(t, target().connectionString, 'refusals', IMPATIENT)
    const large = { body: 'x'.repeat(2 * 1024 * 1024) }
    const refused = await captureRefusal(producer.sendBatch([large], { partitionId: '0' }))
    assert.equal(refused.code, 'MessageTooLargeError')
    await producer.sendBatch([{ body: 'small' }], { partitionId: '0' })
    assert.deepEqual(listBodies(await receive(consumer, '0', earliestEventPosition, 1)), ['small'])
    const batch = await producer.createBatch()
    assert.equal(batch.maxSizeInBytes, 1024 * 1024)
  })

  test('refuses a sixth receiver without an epoch, and the five continue', async (t) => {
    await createProducer(t, target().connectionString, 'crowded').sendBatch([{ body: 'first' }])
    const received: Promise<unknown>[] = []
    for (let i = 0; i < 5; i++) {
      const consumer = createConsumer(t, target().connectionString, 'crowded', IMPATIENT)
      const { initialized, first } = holdOpen(consumer)
      await within(initialized, 'a receiver')
      received.push(first)
    }
    const sixth = createConsumer(t, target().connectionString, 'crowded', IMPATIENT)
    const error = await subscribeError(sixth, '0', { startPosition: earliestEventPosition })
    assert.equal(readCode(error), 'QuotaExceededError')
    // Another group has its own receivers.
    const audit = createConsumer(t, target().connectionString, 'crowded', { ...IMPATIENT, group: 'AUDIT' })
    await createProducer(t, target().connectionString, 'crowded').sendBatch([{ body: 'second' }])
    assert.deepEqual(await within(Promise.all(received), 'five events'), Array(5).fill('first'))
    assert.deepEqual(listBodies(await receive(audit, '0', earliestEventPosition, 2)), ['first', 'second'])

    function holdOpen(consumer: ReturnType<typeof createConsumer>): {
      initialized: Promise<void>
      first: Promise<unknown>
    } {
      const ready = Promise.withResolvers<void>()
      const first = Promise.withResolvers<unknown>()
      const subscription = consumer.subscribe(
        '0',
        {
          async processEvents(events) {
            if (events[0]) {
              ready.resolve()
              first.resolve(events[0].body)
            }
          },
          async processError(error) {
            ready.reject(error)
          },
        },
        { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
      )
      t.after(() => subscription.close())
      return { initialized: ready.promise, first: first.promise }
    }
  })

  test('garbage and half frames only end their own connection (AMQP 1.0 2.2, 2.3)', async (t) => {
    const producer = createProducer(t, target().connectionString, 'hostile', IMPATIENT)
    const consumer = createConsumer(t, target().connectionString, 'hostile', IMPATIENT)
    for (const [what, bytes] of HOSTILE) {
      await sendRaw(bytes)
      await producer.sendBatch([{ body: what }])
    }
    const events = await receive(consumer, '0', earliestEventPosition, HOSTILE.length)
    assert.deepEqual(
      listBodies(events),
      HOSTILE.map(([what]) => what),
    )
  })

  /** Writes the bytes, ends the stream, and settles when the server has closed the connection. */
  async function sendRaw(bytes: Buffer): Promise<void> {
    const socket = connect(parseHostAndPort(target().connectionString))
    socket.on('error', () => {})
    socket.on('data', () => {})
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    socket.end(bytes)
    await within(closed, 'the end of a hostile connection')
  }
}

function amqp(frameHex: string): Buffer {
  return Buffer.concat([
    Buffer.from('AMQP\x00\x01\x00\x00', 'latin1'),
    Buffer.from(frameHex.replaceAll(' ', ''), 'hex'),
  ])
}

function nested(): Buffer {
  const depth = 60_000
  const head = Buffer.alloc(8)
  head.writeUInt32BE(depth + 8)
  head[4] = 2
  return Buffer.concat([amqp(''), head, Buffer.alloc(depth)])
}

function withToken(connectionString: string, hub: string, seconds: number): string {
  const endpoint = /Endpoint=(sb:\/\/[^;]+)/.exec(connectionString)?.[1] ?? ''
  const resource = encodeURIComponent(`${endpoint}/${hub}`)
  const expiry = Math.floor(Date.now() / 1000) + seconds
  const signature = createHmac('sha256', 'SAS_KEY_VALUE').update(`${resource}\n${expiry}`).digest('base64')
  const token =
    `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}` +
    '&skn=RootManageSharedAccessKey'
  return `Endpoint=${endpoint};SharedAccessSignature=${token};UseDevelopmentEmulator=true`
}
