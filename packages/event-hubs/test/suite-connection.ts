import assert from 'node:assert/strict'
import { test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import terminus from 'rhea/lib/terminus.js'
import { within } from '../../test-support/wait.ts'
import { binary, EMPTY_FRAME, PERFORMATIVE, performative, frame as plainFrame, symbol } from './amqp-wire.ts'
import { AMQP_HEADER, conditionIn, encodeJson, frame, RawPeer, SASL_HEADER, transfer } from './raw-peer.ts'
import { createConsumer, type EventHubsTarget, listBodies, receive } from './support.ts'

const HUB = 'connections'
const TARGET = `${HUB}/Partitions/0`
/** The server's limit of unfinished deliveries, in bytes. */
const PARTIAL_LIMIT = 16 * 1024 * 1024

/** The start of a connection, its limits, and its split into pieces. Section numbers as in suite-protocol.ts. */
export function connections(target: () => EventHubsTarget): void {
  /** Sends a SASL init with a mechanism, and returns the outcome's code. */
  async function saslOutcome(peer: RawPeer, mechanism: string, response: Buffer): Promise<unknown> {
    peer.socket.write(SASL_HEADER)
    const offered = await peer.next('sasl_mechanisms')
    assert.deepEqual(offered.fields.sasl_server_mechanisms, ['MSSBCBS', 'PLAIN', 'ANONYMOUS', 'EXTERNAL'])
    const init = performative(PERFORMATIVE.saslInit, symbol(mechanism), binary(response))
    peer.socket.write(plainFrame(0, init, 1))
    return (await peer.next('sasl_outcome')).fields.code
  }

  const encodeAttach = (handle: number): Buffer => frame(0, 'attach', { name: `link ${handle}`, handle, role: false })

  test('refuses a mechanism that was not offered and a malformed PLAIN response (part 5, 5.3.3.6)', async (t) => {
    for (const [mechanism, response] of [
      ['SCRAM-SHA-1', 'n,,n=user'],
      ['PLAIN', 'RootManageSharedAccessKey'],
      ['PLAIN', '\0RootManageSharedAccessKey\0SAS_KEY_VALUE\0more'],
      ['PLAIN', '\0another\0SAS_KEY_VALUE'],
    ] as const) {
      const peer = await RawPeer.connect(t, target())
      assert.equal(await saslOutcome(peer, mechanism, Buffer.from(response)), 1, mechanism)
      await within(peer.closed, 'the end')
    }
  })

  for (const mechanism of ['MSSBCBS', 'ANONYMOUS', 'EXTERNAL'])
    test(`SASL ${mechanism} lets anyone connect, but use no entity without a token (part 5, 5.3)`, async (t) => {
      const peer = await RawPeer.connect(t, target())
      assert.equal(await saslOutcome(peer, mechanism, Buffer.from('someone')), 0)
      peer.socket.write(AMQP_HEADER)
      peer.send(0, 'open', { container_id: 'raw' })
      await peer.next('open')
      await peer.begin(0)
      await peer.receiver(0, 0, `${HUB}/ConsumerGroups/$Default/Partitions/0`)
      assert.equal(conditionIn(await peer.next('detach')), 'amqp:unauthorized-access')
      await peer.sender(0, 1, '$cbs')
    })

  test('closes the connection if a begun channel begins again (2.5.1)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(3)
    peer.send(3, 'begin', { next_outgoing_id: 0, incoming_window: 1, outgoing_window: 1 })
    assert.equal(conditionIn(await peer.next('close')), 'amqp:not-allowed')
    await within(peer.closed, 'the end')
  })

  test('a connection has at most a thousand links, not counting ended ones (2.7.3)', async (t) => {
    const peer = await RawPeer.open(t, target())
    const attach = (channel: number, handle: number): void =>
      peer.send(channel, 'attach', { name: `link ${handle}`, handle, role: false })
    for (let session = 0; session < 5; session++) {
      await peer.begin(session)
      for (let handle = 0; handle < 250; handle++) attach(session, handle)
      await peer.echo(session)
      // Half of the links end one by one, the others with their session.
      for (let handle = 0; handle < 125; handle++) peer.send(session, 'detach', { handle, closed: true })
      peer.send(session, 'end', {})
      await peer.next('end')
    }
    for (let session = 0; session < 5; session++) await peer.begin(session)
    for (let link = 0; link < 1000; link++) attach(link % 5, Math.floor(link / 5))
    for (let session = 0; session < 5; session++) await peer.echo(session)
    assert.equal(peer.count('attach'), 5 * 250 + 1000)
    attach(0, 200)
    assert.equal(conditionIn(await peer.next('close')), 'amqp:resource-limit-exceeded')
    await within(peer.closed, 'the end')
  })

  test('closes a connection with too many unfinished deliveries (2.6.14)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    // The first link holds no delivery, so the connection's total does not shrink when it ends.
    for (let handle = 0; handle < 20; handle++) await peer.sender(0, handle, TARGET)
    const half = Buffer.alloc(500_000)
    for (let handle = 1; handle < 20; handle++)
      for (const delivery_id of [handle, undefined])
        peer.send(0, 'transfer', { ...transfer(handle, handle), delivery_id, more: true }, half)
    assert.equal(conditionIn(await peer.next('close')), 'amqp:resource-limit-exceeded')
    await within(peer.closed, 'the end')
    // Another connection is served.
    await RawPeer.open(t, target())
  })

  test('frees the memory of deliveries when they are complete or aborted, or their link ends (2.6.14)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, TARGET)
    const message = encodeJson('x'.repeat(900_000))
    const half = message.subarray(0, 450_000)
    let id = 0
    for (let sent = 0; sent < PARTIAL_LIMIT * 1.5; sent += message.length) {
      peer.send(0, 'transfer', transfer(0, id++, { more: true }), half)
      peer.send(0, 'transfer', { handle: 0, aborted: true })
      peer.send(0, 'transfer', transfer(0, id, { more: true }), half)
      peer.send(0, 'transfer', { handle: 0 }, message.subarray(half.length))
      while (!peer.dispositions.some(([first, last]) => first <= id && id <= last)) await peer.next('disposition')
      id++
      await peer.sender(0, 1, TARGET)
      peer.send(0, 'transfer', transfer(1, id++, { more: true }), half)
      peer.send(0, 'detach', { handle: 1, closed: true })
      await peer.next('detach')
    }
    await peer.echo(0)
  })

  test('a delivery of few bytes holds little memory, whatever arrived with them (2.6.14)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, TARGET)
    const before = await target().memory?.()
    const part = frame(0, 'transfer', { handle: 0, more: true }, Buffer.alloc(1))
    // The rest of a chunk is ignored: all deliveries are sent settled, so dispositions mean nothing.
    const rest = frame(0, 'disposition', { role: true, first: 0, last: 0 }, Buffer.alloc(65_400))
    peer.send(0, 'transfer', transfer(0, 0, { more: true }), Buffer.alloc(1))
    for (let i = 0; i < 3000; i++)
      if (!peer.socket.write(Buffer.concat([part, rest])))
        await within(new Promise<void>((resolve) => peer.socket.once('drain', () => resolve())), 'room for more')
    await peer.echo(0)
    const after = await target().memory?.()
    if (before === undefined || after === undefined) t.diagnostic('the memory of this target is unknown')
    else assert.ok(after - before < 80_000_000, `${before} to ${after} bytes for a delivery of 3 KB`)
  })

  test('answers input with at least an empty frame, which a client with Nagle waits for', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.receiver(0, 0, `${HUB}/ConsumerGroups/audit/Partitions/1`)
    const chunks: Buffer[] = []
    const answered = new Promise<void>((resolve) => {
      peer.socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        resolve()
      })
    })
    peer.credit(0, 0, 10)
    await within(answered, 'an empty frame')
    assert.deepEqual(Buffer.concat(chunks), EMPTY_FRAME)
  })

  test('skips the extended header of a frame (2.3.1)', async (t) => {
    const peer = await RawPeer.open(t, target())
    const extended = (plain: Buffer, extra: number): Buffer => {
      const whole = Buffer.concat([plain.subarray(0, 8), Buffer.alloc(extra * 4, 0xff), plain.subarray(8)])
      whole.writeUInt32BE(whole.length, 0)
      whole[4] = 2 + extra
      return whole
    }
    peer.socket.write(extended(frame(0, 'begin', { next_outgoing_id: 0, incoming_window: 9, outgoing_window: 9 }), 1))
    await peer.next('begin')
    peer.socket.write(extended(encodeAttach(0), 3))
    await peer.next('detach')
    await peer.sender(0, 1, TARGET)
    peer.socket.write(extended(frame(0, 'transfer', transfer(1, 0), encodeJson('extended')), 5))
    await peer.next('disposition')
    assert.deepEqual(peer.dispositions, [[0, 0]])
  })

  test('closes the connection at an invalid data offset (2.3.1)', async (t) => {
    for (const offset of [0, 1, 200]) {
      const peer = await RawPeer.open(t, target())
      const begin = frame(0, 'begin', { next_outgoing_id: 0, incoming_window: 9, outgoing_window: 9 })
      begin[4] = offset
      peer.socket.write(begin)
      assert.equal(conditionIn(await peer.next('close')), 'amqp:connection:framing-error', `offset ${offset}`)
    }
  })

  for (const size of [1, 7, 8, 9, 300])
    test(`reads the same conversation in pieces of ${size} bytes (2.3)`, async (t) => {
      const hub = `cut${size}`
      const peer = await RawPeer.connect(t, target())
      peer.socket.setNoDelay(true)
      const response = binary(Buffer.from('\0RootManageSharedAccessKey\0SAS_KEY_VALUE'))
      const link = {
        name: 'cut',
        handle: 0,
        role: false,
        target: terminus.target({ address: `${hub}/Partitions/0` }).described(),
      }
      const large = encodeJson('y'.repeat(6000))
      const bytes = Buffer.concat([
        SASL_HEADER,
        plainFrame(0, performative(PERFORMATIVE.saslInit, symbol('PLAIN'), response), 1),
        AMQP_HEADER,
        frame(0, 'open', { container_id: 'cut' }),
        EMPTY_FRAME,
        frame(0, 'begin', { next_outgoing_id: 0, incoming_window: 9, outgoing_window: 9 }),
        frame(0, 'attach', link),
        frame(0, 'transfer', transfer(0, 0), encodeJson('small')),
        frame(0, 'transfer', transfer(0, 1), large),
        frame(0, 'transfer', transfer(0, 2, { more: true }), large.subarray(0, 100)),
        frame(0, 'transfer', { handle: 0, more: false }, large.subarray(100)),
        frame(0, 'flow', {
          next_incoming_id: 0,
          incoming_window: 9,
          next_outgoing_id: 0,
          outgoing_window: 9,
          echo: true,
        }),
      ])
      for (let at = 0; at < bytes.length; at += size) {
        await new Promise<void>((resolve) => {
          peer.socket.write(bytes.subarray(at, at + size), () => resolve())
        })
      }
      while (!peer.dispositions.some(([, last]) => last === 2)) await peer.next('disposition')
      const events = await receive(createConsumer(t, target().connectionString, hub), '0', earliestEventPosition, 3)
      assert.deepEqual(listBodies(events), ['small', 'y'.repeat(6000), 'y'.repeat(6000)])
      peer.send(0, 'close', {})
      await peer.next('close')
    })
}
