import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import rhea, { type Connection, type EventContext, type Receiver, type Sender } from 'rhea'
import { within } from '../../test-support/wait.ts'
import {
  createConsumer,
  createProducer,
  type EventHubsTarget,
  listBodies,
  parseHostAndPort,
  receive,
} from './support.ts'

/** What AMQP clients other than the SDKs rely on. */
export function links(target: () => EventHubsTarget): void {
  test('accepts messages of format 0, in one frame or many, after SASL PLAIN (part 5, 5.3; 2.6.14)', async (t) => {
    const connection = connectPlain(t)
    const sender: Sender = connection.open_sender('plain/Partitions/0')
    await within(once(sender, 'sendable'), 'credit')
    const large = 'y'.repeat(900_000)
    for (const body of ['small', large]) {
      sender.send({
        body: rhea.message.data_section(Buffer.from(JSON.stringify(body))),
        message_annotations: { 'x-opt-partition-key': 'k', 'x-opt-sequence-number': 77 },
        delivery_annotations: { secret: 'not for consumers' },
      })
      await within(once(sender, 'accepted'), 'an acknowledgement')
    }
    const events = await receive(createConsumer(t, target().connectionString, 'plain'), '0', earliestEventPosition, 2)
    assert.deepEqual(listBodies(events), ['small', large])
    assert.deepEqual(
      events.map(({ sequenceNumber, partitionKey }) => [sequenceNumber, partitionKey]),
      [
        [0, 'k'],
        [1, 'k'],
      ],
    )
    assert.equal(events[0]?.getRawAmqpMessage().deliveryAnnotations?.secret, undefined)
  })

  test('rejects a message that is not AMQP, and keeps its link (AMQP 1.0 part 3, 3.2, 3.4.3)', async (t) => {
    const connection = connectPlain(t)
    const sender: Sender = connection.open_sender('plain/Partitions/0')
    await within(once(sender, 'sendable'), 'credit')
    for (const broken of ['00', '005375', '005375a005aa', '00537540', '005370c0', '00537240005375a000']) {
      sender.send(Buffer.from(broken, 'hex'), undefined, 0x80013700)
      const [context] = (await within(once(sender, 'rejected'), `the rejection of ${broken}`)) as [EventContext]
      assert.equal(readCondition(context.delivery?.remote_state), 'amqp:decode-error')
    }
    sender.send({ body: 'still here' })
    await within(once(sender, 'accepted'), 'an acknowledgement')
  })

  test('refuses a wrong password, and every entity to a client without claims (part 5, 5.3)', async (t) => {
    const wrong = rhea.create_container().connect({ ...address(), username: KEY_NAME, password: 'wrong' })
    wrong.on('disconnected', () => {})
    t.after(() => wrong.close())
    const [refused] = (await within(once(wrong, 'connection_error'), 'a refusal')) as [EventContext]
    assert.match(String(refused.error), /authenticate/)
    const nobody = rhea.create_container().connect({ ...address(), username: 'nobody' })
    t.after(() => nobody.close())
    const sender = nobody.open_sender('plain')
    const [error] = (await within(once(sender, 'sender_error'), 'a refused sender')) as [EventContext]
    assert.equal(readCondition(error.sender), 'amqp:unauthorized-access')
    const receiver = nobody.open_receiver('plain/ConsumerGroups/$Default/Partitions/0')
    await within(once(receiver, 'receiver_error'), 'a refused receiver')
    assert.equal(readCondition(receiver), 'amqp:unauthorized-access')
  })

  test('a receiver gets exactly as many events as it gives credit for (AMQP 1.0 2.6.7)', async (t) => {
    const producer = createProducer(t, target().connectionString, 'credit')
    for (let i = 0; i < 10; i++)
      await producer.sendBatch(Array.from({ length: 100 }, (_, j) => ({ body: i * 100 + j })))
    const receiver: Receiver = connectPlain(t).open_receiver({
      source: 'credit/ConsumerGroups/$Default/Partitions/0',
      credit_window: 0,
    })
    const sequences: number[] = []
    let wanted = 0
    let enough = Promise.withResolvers<void>()
    receiver.on('message', ({ message }: EventContext) => {
      sequences.push(message?.message_annotations?.['x-opt-sequence-number'])
      if (sequences.length >= wanted) enough.resolve()
    })
    for (const credit of [1, 10, 300]) {
      wanted = sequences.length + credit
      enough = Promise.withResolvers()
      receiver.add_credit(credit)
      await within(enough.promise, `${credit} events`)
      // Events beyond the credit would have arrived before this.
      await echo(receiver)
      assert.equal(sequences.length, wanted)
    }
    assert.deepEqual(
      sequences,
      Array.from({ length: 311 }, (_, i) => i),
    )
  })

  test('disconnects a client that refuses frames of 512 bytes, with an error (AMQP 1.0 2.7.1)', async (t) => {
    const client = rhea.create_container().connect({ ...address(), username: 'nobody', max_frame_size: 60 })
    client.on('disconnected', () => {})
    t.after(() => client.close())
    const [refused] = (await within(once(client, 'connection_error'), 'a refusal')) as [EventContext]
    assert.equal(readCondition(refused.connection), 'amqp:not-allowed')
  })

  test('sends an idle client an empty frame before its idle time-out (AMQP 1.0 2.4.5)', async (t) => {
    const client = rhea.create_container().connect({ ...address(), username: 'nobody', idle_time_out: 200 })
    t.after(() => client.close())
    await within(once(client, 'connection_open'), 'a connection')
    let empty = 0
    const three = Promise.withResolvers<void>()
    client.on('disconnected', () => three.reject(new Error('disconnected')))
    client.socket.on('data', (bytes: Buffer) => {
      if (bytes.toString('hex') === '0000000802000000' && ++empty === 3) three.resolve()
    })
    await within(three.promise, 'three empty frames')
  })

  const KEY_NAME = 'RootManageSharedAccessKey'

  function address(): { host: string; port: number; reconnect: false } {
    return { ...parseHostAndPort(target().connectionString), reconnect: false }
  }

  function connectPlain(t: TestContext): Connection {
    const connection = rhea.create_container().connect({
      ...address(),
      username: KEY_NAME,
      password: 'SAS_KEY_VALUE',
      max_frame_size: 64 * 1024,
    })
    t.after(() => connection.close())
    return connection
  }

  function readCondition(failed: { readonly error?: unknown } | undefined): unknown {
    return (failed?.error as { readonly condition?: unknown } | undefined)?.condition
  }

  /** Makes a round trip on the receiver's connection, after which everything sent before has arrived. */
  async function echo(receiver: Receiver): Promise<void> {
    const probe = receiver.connection.open_sender('plain')
    await within(once(probe, 'sendable'), 'a round trip')
    probe.close()
  }
}
