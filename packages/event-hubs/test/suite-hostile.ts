import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { within } from '../../test-support/wait.ts'
import {
  attachSender,
  beginFrame,
  durableMessage,
  flowFrame,
  PERFORMATIVE,
  plainHandshake,
  transferFrame,
} from './amqp-wire.ts'
import { attacks, authenticates, beginning, type Stage } from './hostile-bytes.ts'
import { createProducer, type EventHubsTarget, parseHostAndPort } from './support.ts'
import { SASL_PLAIN, Witness } from './witness.ts'

const HUB = 'fuzzed'
/** Of each family; TIDEMARK_TEST_FUZZ_RUNS for long runs. */
const RUNS = Number(process.env.TIDEMARK_TEST_FUZZ_RUNS ?? 400)
/** What the server may hold after all of it, and at any moment of it. */
const MEMORY_BOUND = 300 * 1024 * 1024
/** Between looks of the witness. */
const LOOK_EVERY = 8

/** Descriptors as they stand in frames. */
const SASL_OUTCOME = Buffer.from([0x00, 0x53, PERFORMATIVE.saslOutcome])
const ACCEPTED = Buffer.from([0x00, 0x53, 0x24])

/**
 * Hostile bytes end their own connection at most: not the server, not another's connection, and they leave no
 * memory behind.
 */
export function hostility(target: () => EventHubsTarget): void {
  // A group of its own: the witness comes after the tests that end the server.
  describe('beside hostile clients', () => hostileClients(target))
}

function hostileClients(target: () => EventHubsTarget): void {
  let witness: Witness
  before(async () => {
    witness = await Witness.connect(target().connectionString, 'witnessed')
  })
  after(() => witness?.close())

  test('what attacks begin with is what the server takes: their hostile part is reached', async () => {
    const transfer = transferFrame(0, { handle: 0, deliveryId: 0 }, durableMessage(Buffer.from('event')))
    const socket = await join('attached', transfer)
    await within(waitForBytes(socket, ACCEPTED), 'an accepted transfer')
    await hangUp(socket)
  })

  for (const [family, attack] of Object.entries(attacks(HUB)))
    test(`fuzz: ${family}`, async (t) => {
      let cases = 0
      await fc.assert(
        fc.asyncProperty(attack, async ({ from, bytes }) => {
          const socket = await join(from, bytes)
          await hangUp(socket)
          if (cases++ % LOOK_EVERY === 0) await witness.sendAndReceive()
        }),
        // What broke the server once stays broken: a smaller case could not be found.
        { numRuns: RUNS, endOnFailure: true },
      )
      await witness.sendAndReceive()
      assert.ok(cases > 0)
      t.diagnostic(`${cases} hostile connections, ${witness.events} events of another client`)
      await assertMemory(t)
    })

  test('thousands of sessions and links of one connection are served or refused (AMQP 1.0 2.7.1, 2.7.2)', async (t) => {
    const begins = Array.from({ length: 3000 }, (_, channel) => beginFrame(channel, 100))
    const attaches = Array.from({ length: 5000 }, (_, handle) =>
      attachSender(0, { name: `link-${handle}`, handle, address: `${HUB}/Partitions/0`, senderSettles: 0 }),
    )
    await hangUp(await join('open', Buffer.concat([...begins, ...attaches])))
    await witness.sendAndReceive()
    await assertMemory(t)
  })

  test('deliveries that are begun on many links and never ended hold no memory without bound (AMQP 1.0 2.6.14)', async (t) => {
    const links = 500
    const piece = Buffer.alloc(60_000)
    const attaches = Array.from({ length: links }, (_, handle) =>
      attachSender(0, { name: `link-${handle}`, handle, address: `${HUB}/Partitions/0`, senderSettles: 0 }),
    )
    const sockets = await Promise.all(Array.from({ length: 2 }, () => join('begun')))
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    let written = 0
    await Promise.all(
      sockets.map(async (socket) => {
        await write(socket, Buffer.concat(attaches))
        // 15 pieces are 900 KB: each delivery alone could still be accepted.
        for (let round = 0; round < 15; round++)
          for (let handle = 0; handle < links && socket.writable; handle++) {
            await write(socket, transferFrame(0, { handle, deliveryId: handle, more: true }, piece))
            written += piece.length
          }
      }),
    )
    await witness.sendAndReceive()
    assert.ok(written > 0)
    t.diagnostic(`${written} bytes of deliveries that were never ended`)
    await assertMemory(t)
  })

  test('connections that say nothing, or stop in the middle of a frame, keep no one out', async (t) => {
    const half = transferFrame(0, { handle: 0, deliveryId: 0 }, Buffer.alloc(100)).subarray(0, 60)
    const sockets = await Promise.all(
      Array.from({ length: 300 }, (_, i) => (i % 2 ? join('attached', half.subarray(0, i % 60)) : join('nothing'))),
    )
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    await witness.sendAndReceive()
    assert.ok(sockets.some((socket) => socket.writable))
    await assertMemory(t)
  })

  test('a client that asks for everything and reads nothing holds no memory without bound (AMQP 1.0 2.7.4)', async (t) => {
    const producer = createProducer(t, target().connectionString, 'greedy')
    const body = 'x'.repeat(900_000)
    for (let i = 0; i < 50; i++) await producer.sendBatch([{ body }], { partitionId: '0' })
    const link = { handle: 1, deliveryCount: 0, credit: 0x7fff_ffff }
    const everything = flowFrame(0, { nextIncoming: 0, incomingWindow: 0x7fff_ffff, nextOutgoing: 0, link })
    const sockets = await Promise.all(
      // Five receivers a partition and group: a sixth is refused.
      Array.from({ length: 5 }, async () => {
        const socket = await join('attached', everything, { hub: 'greedy' })
        await within(once(socket, 'data'), 'the first bytes')
        socket.pause()
        return socket
      }),
    )
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    for (let i = 0; i < 20; i++) await witness.sendAndReceive()
    await assertMemory(t)
  })

  /** Ends the client's side, and settles when the server ended its own. */
  async function hangUp(socket: Socket): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
    socket.end()
    await within(closed, 'the end of a hostile connection')
  }

  /**
   * A client that behaves up to a stage, and then says `bytes`. What it is answered is read, and handed to
   * `onData`.
   */
  async function join(
    stage: Stage,
    bytes: Buffer = Buffer.alloc(0),
    { hub = HUB, onData = (_: Buffer) => {} } = {},
  ): Promise<Socket> {
    const { host, port } = parseHostAndPort(target().connectionString)
    const socket = connect({ host, port })
    // A server that hangs up on such a client does so in any way it likes.
    socket.on('error', () => {})
    await once(socket, 'connect')
    if (authenticates(stage)) {
      socket.write(plainHandshake(SASL_PLAIN.username, SASL_PLAIN.password))
      await within(waitForBytes(socket, SASL_OUTCOME), 'the SASL outcome')
    }
    socket.on('data', onData)
    const first = Buffer.concat([beginning(stage, hub), bytes])
    if (first.length > 0) socket.write(first)
    return socket
  }

  /** @throws when the server hangs up before it says `wanted`. */
  async function waitForBytes(socket: Socket, wanted: Buffer): Promise<void> {
    let received: Buffer = Buffer.alloc(0)
    await new Promise<void>((resolve, reject) => {
      socket.on('data', function listen(bytes: Buffer) {
        received = Buffer.concat([received, bytes])
        if (!received.includes(wanted)) return
        socket.off('data', listen)
        resolve()
      })
      socket.once('close', () => reject(new Error(`hung up after ${received.toString('hex')}`)))
    })
  }

  /** Settles when there is room for more, or no one to write to. */
  async function write(socket: Socket, bytes: Buffer): Promise<void> {
    if (socket.write(bytes) || !socket.writable) return
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle)
        socket.off('close', settle)
        resolve()
      }
      socket.on('drain', settle)
      socket.on('close', settle)
    })
  }

  async function assertMemory(t: TestContext): Promise<void> {
    const { memory } = target()
    if (!memory) return t.diagnostic('this target does not tell its memory')
    const bytes = await memory()
    t.diagnostic(`${Math.round(bytes / 1024 / 1024)} MB resident`)
    assert.ok(bytes > 0 && bytes < MEMORY_BOUND, `the server holds ${bytes} bytes`)
  }
}
