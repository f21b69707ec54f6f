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
/** Attacks per family; set TIDEMARK_TEST_FUZZ_RUNS for long runs. */
const RUNS = Number(process.env.TIDEMARK_TEST_FUZZ_RUNS ?? 400)
/** Most memory of the server, during and after the attacks. */
const MEMORY_BOUND = 300 * 1024 * 1024
/** Number of attacks between checks by the witness. */
const LOOK_EVERY = 8

/** Descriptors as encoded in frames. */
const SASL_OUTCOME = Buffer.from([0x00, 0x53, PERFORMATIVE.saslOutcome])
const ACCEPTED = Buffer.from([0x00, 0x53, 0x24])

/**
 * Hostile bytes end at most their own connection. They must not end the server or other connections, or leak
 * memory.
 */
export function hostility(target: () => EventHubsTarget): void {
  // A separate group, so that the witness connects only now.
  describe('with hostile clients', () => hostileClients(target))
}

function hostileClients(target: () => EventHubsTarget): void {
  let witness: Witness
  before(async () => {
    witness = await Witness.connect(target().connectionString, 'witnessed')
  })
  after(() => witness?.close())

  test('the server accepts the valid beginning of attacks, so their hostile part is reached', async () => {
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
        // Once broken, the server stays broken, so fast-check could not find a smaller case.
        { numRuns: RUNS, endOnFailure: true },
      )
      await witness.sendAndReceive()
      assert.ok(cases > 0)
      t.diagnostic(`${cases} hostile connections, ${witness.events} events of another client`)
      await assertMemory(t)
    })

  test('serves or refuses thousands of sessions and links of one connection (AMQP 1.0 2.7.1, 2.7.2)', async (t) => {
    const begins = Array.from({ length: 3000 }, (_, channel) => beginFrame(channel, 100))
    const attaches = Array.from({ length: 5000 }, (_, handle) =>
      attachSender(0, { name: `link-${handle}`, handle, address: `${HUB}/Partitions/0`, senderSettles: 0 }),
    )
    await hangUp(await join('open', Buffer.concat([...begins, ...attaches])))
    await witness.sendAndReceive()
    await assertMemory(t)
  })

  test('limits the memory of unfinished deliveries on many links (AMQP 1.0 2.6.14)', async (t) => {
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
        // 15 pieces are 900 KB, so each delivery alone is within the limit.
        for (let round = 0; round < 15; round++)
          for (let handle = 0; handle < links && socket.writable; handle++) {
            await write(socket, transferFrame(0, { handle, deliveryId: handle, more: true }, piece))
            written += piece.length
          }
      }),
    )
    await witness.sendAndReceive()
    assert.ok(written > 0)
    t.diagnostic(`${written} bytes of unfinished deliveries`)
    await assertMemory(t)
  })

  test('silent connections and half frames keep no other client out', async (t) => {
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

  test('limits the memory for a client that asks for everything and reads nothing (AMQP 1.0 2.7.4)', async (t) => {
    const producer = createProducer(t, target().connectionString, 'greedy')
    const body = 'x'.repeat(900_000)
    for (let i = 0; i < 50; i++) await producer.sendBatch([{ body }], { partitionId: '0' })
    const link = { handle: 1, deliveryCount: 0, credit: 0x7fff_ffff }
    const everything = flowFrame(0, { nextIncoming: 0, incomingWindow: 0x7fff_ffff, nextOutgoing: 0, link })
    const sockets = await Promise.all(
      // Five receivers per partition and group: a sixth would be refused.
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

  /** Ends the client's side, and settles when the server has ended its side. */
  async function hangUp(socket: Socket): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve()
      else socket.once('close', () => resolve())
    })
    socket.end()
    await within(closed, 'the end of a hostile connection')
  }

  /**
   * Connects a client that behaves correctly up to a stage, and then sends `bytes`. `onData` receives the
   * answers.
   */
  async function join(
    stage: Stage,
    bytes: Buffer = Buffer.alloc(0),
    { hub = HUB, onData = (_: Buffer) => {} } = {},
  ): Promise<Socket> {
    const { host, port } = parseHostAndPort(target().connectionString)
    const socket = connect({ host, port })
    // The server may end the connection in any way.
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

  /** @throws Error if the server disconnects before it sends `wanted`. */
  async function waitForBytes(socket: Socket, wanted: Buffer): Promise<void> {
    let received: Buffer = Buffer.alloc(0)
    await new Promise<void>((resolve, reject) => {
      socket.on('data', function listen(bytes: Buffer) {
        received = Buffer.concat([received, bytes])
        if (!received.includes(wanted)) return
        socket.off('data', listen)
        resolve()
      })
      socket.once('close', () => reject(new Error(`disconnected after ${received.toString('hex')}`)))
    })
  }

  /** Settles when the socket has room for more, or is closed. */
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
    if (!memory) return t.diagnostic('the memory of this target is unknown')
    const bytes = await memory()
    t.diagnostic(`${Math.round(bytes / 1024 / 1024)} MB resident`)
    assert.ok(bytes > 0 && bytes < MEMORY_BOUND, `the server holds ${bytes} bytes`)
  }
}
