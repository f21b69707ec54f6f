import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import rhea, { type Connection, type EventContext } from 'rhea'
import { within } from '../../test-support/wait.ts'
import { AMQP_HEADER, beginFrame, EMPTY_FRAME, openFrame } from './amqp-wire.ts'
import { type EventHubsTarget, parseHostAndPort } from './support.ts'
import { SASL_PLAIN } from './witness.ts'

const HUB = 'crowd'
const PARTITIONS = 4
const IDLE = 500
const PRODUCERS = 80
/** The most receivers of a partition in one consumer group. */
const CONSUMERS_EACH = 5
const EVENTS_EACH = 50
/** Idle time-out of the idle clients: the server must send a frame within it (AMQP 1.0 2.4.5). */
const IDLE_MS = 2000
const HEARTBEATS = 3

/** Many clients at once. */
export function crowd(target: () => EventHubsTarget): void {
  test('serves 500 idle and 100 busy connections, and every event arrives in order (AMQP 1.0 2.4.5)', async (t) => {
    const idle = await Promise.all(Array.from({ length: IDLE }, () => idleClient(t)))
    const consumers = Array.from({ length: PARTITIONS * CONSUMERS_EACH }, (_, i) => consume(t, i % PARTITIONS))
    const producers = Array.from({ length: PRODUCERS }, (_, producer) => produce(t, producer))
    await within(Promise.all(producers), 'the acknowledgements of all')
    const received = await within(Promise.all(consumers), 'every event at every consumer')
    await within(Promise.all(idle.map(({ heartbeats }) => heartbeats)), 'heartbeats at every idle client')

    let compared = 0
    for (const [index, events] of received.entries()) {
      for (let producer = index % PARTITIONS; producer < PRODUCERS; producer += PARTITIONS) {
        const own = events.filter((event) => event.producer === producer).map(({ n }) => n)
        assert.deepEqual(
          own,
          Array.from({ length: EVENTS_EACH }, (_, n) => n),
        )
        compared += own.length
      }
    }
    assert.equal(compared, PRODUCERS * EVENTS_EACH * CONSUMERS_EACH)
    assert.ok(idle.every(({ socket }) => socket.readyState === 'open'))
    t.diagnostic(`${compared} events compared, ${idle.length} idle connections held`)
  })

  interface Numbered {
    readonly producer: number
    readonly n: number
  }

  /** Settles with a consumer's events when it has all events of its partition. */
  function consume(t: TestContext, partition: number): Promise<readonly Numbered[]> {
    const { connection, lost } = busyClient(t)
    const receiver = connection.open_receiver({
      source: `${HUB}/ConsumerGroups/$Default/Partitions/${partition}`,
      credit_window: 500,
    })
    const events: Numbered[] = []
    const all = new Promise<readonly Numbered[]>((resolve) => {
      receiver.on('message', ({ message }: EventContext) => {
        events.push(JSON.parse(String(message?.body.content)))
        if (events.length === (PRODUCERS / PARTITIONS) * EVENTS_EACH) resolve(events)
      })
    })
    return Promise.race([all, lost])
  }

  /** Settles when every event is acknowledged. */
  function produce(t: TestContext, producer: number): Promise<void> {
    const { connection, lost } = busyClient(t)
    const sender = connection.open_sender(`${HUB}/Partitions/${producer % PARTITIONS}`)
    let sent = 0
    let accepted = 0
    sender.on('sendable', () => {
      for (; sent < EVENTS_EACH && sender.sendable(); sent++)
        sender.send({ body: rhea.message.data_section(Buffer.from(JSON.stringify({ producer, n: sent }))) })
    })
    const all = new Promise<void>((resolve) => {
      sender.on('accepted', () => {
        accepted += 1
        if (accepted === EVENTS_EACH) resolve()
      })
    })
    return Promise.race([all, lost])
  }

  function busyClient(t: TestContext): { readonly connection: Connection; readonly lost: Promise<never> } {
    const connection = rhea
      .create_container()
      .connect({ ...parseHostAndPort(target().connectionString), reconnect: false, ...SASL_PLAIN })
    t.after(() => connection.close())
    const lost = new Promise<never>((_, reject) => {
      for (const event of ['disconnected', 'connection_error', 'sender_error', 'receiver_error', 'rejected'])
        connection.on(event, () => reject(new Error(`a busy client: ${event}`)))
    })
    lost.catch(() => {})
    return { connection, lost }
  }

  /** Opens, begins, and then sends nothing. `heartbeats` settles after some heartbeats, and fails at a disconnect. */
  async function idleClient(t: TestContext): Promise<{ readonly socket: Socket; readonly heartbeats: Promise<void> }> {
    const socket = connect(parseHostAndPort(target().connectionString))
    t.after(() => socket.destroy())
    const heartbeats = new Promise<void>((resolve, reject) => {
      let beats = 0
      socket.on('data', (bytes) => {
        if (bytes.subarray(-EMPTY_FRAME.length).equals(EMPTY_FRAME) && ++beats === HEARTBEATS) resolve()
      })
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('an idle client was disconnected')))
    })
    heartbeats.catch(() => {})
    await within(once(socket, 'connect'), 'a connection')
    const open = { container: 'idle', hostname: '127.0.0.1', maxFrame: 65_536, idleMs: IDLE_MS }
    // No SASL layer: a client that only listens needs no claims.
    socket.write(Buffer.concat([AMQP_HEADER, openFrame(open), beginFrame(0, 100)]))
    return { socket, heartbeats }
  }
}
