import assert from 'node:assert/strict'
import { test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import rhea from 'rhea'
import terminus from 'rhea/lib/terminus.js'
import { within } from '../../test-support/wait.ts'
import { AMQP_HEADER, conditionIn, encodeJson, frame, RawPeer, type ReceivedFrame, transfer } from './raw-peer.ts'
import { createConsumer, createProducer, type EventHubsTarget, listBodies, PATIENT, receive } from './support.ts'

const HUB = 'protocol'
const SOURCE = `${HUB}/ConsumerGroups/$Default/Partitions/0`

/**
 * What the specification requires of a server, tested frame by frame. Section numbers are those of AMQP 1.0,
 * part 2 unless another part is named.
 */
export function protocol(target: () => EventHubsTarget): void {
  test('answers another protocol with its own, and ends the connection (2.2)', async (t) => {
    for (const hello of ['AMQP\x00\x00\x09\x01', 'AMQP\x02\x01\x00\x00', 'GET / HTTP/1.1\r\n\r\n']) {
      const peer = await RawPeer.connect(t, target())
      const chunks: Buffer[] = []
      peer.socket.on('data', (chunk) => chunks.push(chunk))
      peer.socket.write(hello, 'latin1')
      await within(peer.closed, `the end after ${JSON.stringify(hello)}`)
      if (hello.startsWith('AMQP')) assert.deepEqual(Buffer.concat(chunks), AMQP_HEADER)
    }
  })

  test('understands descriptors as a full ulong or as a symbol (part 1, 1.3)', async (t) => {
    const peer = await RawPeer.open(t, target())
    const begin = frame(0, 'begin', { next_outgoing_id: 0, incoming_window: 10, outgoing_window: 10 })
    const list = begin.subarray(11)
    const symbol = Buffer.concat([Buffer.from([0, 0xa3, 15]), Buffer.from('amqp:begin:list')])
    for (const [channel, descriptor] of [
      [1, Buffer.from('00800000000000000011', 'hex')],
      [2, symbol],
    ] as const) {
      const whole = Buffer.concat([begin.subarray(0, 8), descriptor, list])
      whole.writeUInt32BE(whole.length, 0)
      whole.writeUInt16BE(channel, 6)
      peer.socket.write(whole)
      assert.equal((await peer.next('begin')).channel, channel)
    }
  })

  test('closes the connection at a channel or handle above the limit (2.7.1, 2.7.2)', async (t) => {
    const channel = await RawPeer.open(t, target())
    channel.send(5000, 'begin', { next_outgoing_id: 0, incoming_window: 1, outgoing_window: 1 })
    assert.equal(conditionIn(await channel.next('close')), 'amqp:connection:framing-error')
    const handle = await RawPeer.open(t, target())
    const { fields } = await handle.begin(0)
    handle.send(0, 'attach', { name: 'x', handle: Number(fields.handle_max) + 1, role: false })
    assert.equal(conditionIn(await handle.next('close')), 'amqp:connection:framing-error')
    await within(handle.closed, 'the end')
  })

  test('ends only the session at a used or unknown handle or a wrong transfer (2.7.3, 2.5.3)', async (t) => {
    const peer = await RawPeer.open(t, target())
    for (const channel of [0, 1, 2, 3]) await peer.begin(channel)
    await peer.sender(0, 7, `${HUB}/Partitions/1`)
    peer.send(0, 'attach', { name: 'another', handle: 7, role: false })
    assert.equal(conditionIn(await peer.next('end')), 'amqp:session:handle-in-use')
    peer.send(1, 'transfer', transfer(9, 0), encodeJson('x'))
    assert.equal(conditionIn(await peer.next('end')), 'amqp:session:unattached-handle')
    await peer.receiver(2, 0, SOURCE)
    peer.send(2, 'transfer', transfer(0, 0), encodeJson('x'))
    assert.equal(conditionIn(await peer.next('end')), 'amqp:not-allowed')
    await peer.sender(3, 0, `${HUB}/Partitions/1`)
    peer.send(3, 'transfer', transfer(0, 0), encodeJson('still here'))
    await peer.next('disposition')
    peer.send(0, 'end', {})
    await peer.begin(0)
  })

  test('echoes a flow on request, of the session and of its links (2.7.4)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    const granted = await peer.sender(0, 3, `${HUB}/Partitions/1`)
    assert.ok(Number(granted.fields.link_credit) > 0)
    await peer.echo(0)
    peer.credit(0, 3, 0, { echo: true })
    const link = await peer.next('flow')
    assert.deepEqual([link.fields.handle, link.fields.link_credit], [3, granted.fields.link_credit])
    await peer.receiver(0, 4, SOURCE)
    peer.credit(0, 4, 0, { echo: true })
    assert.equal((await peer.next('flow')).fields.handle, 4)
  })

  test('answers a detach, after which its name and handle can be used again (2.6.6)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    for (let i = 0; i < 3; i++) {
      await peer.sender(0, 0, `${HUB}/Partitions/1`)
      peer.send(0, 'detach', { handle: 0, closed: true })
      assert.equal((await peer.next('detach')).fields.handle, 0)
    }
  })

  test('answers a close (2.4.3)', async (t) => {
    const peer = await RawPeer.open(t, target())
    peer.send(0, 'close', {})
    assert.equal(conditionIn(await peer.next('close')), undefined)
    await within(peer.closed, 'the end')
  })

  test('acknowledges each delivery once, in runs, and no settled one (2.7.6)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, 'acknowledged/Partitions/0')
    const frames = Array.from({ length: 200 }, (_, id) =>
      frame(0, 'transfer', transfer(0, id, { settled: id === 50 }), encodeJson(id)),
    )
    peer.socket.write(Buffer.concat(frames))
    const acknowledged = (): number[] =>
      peer.dispositions.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
    while (acknowledged().length < 199) await peer.next('disposition')
    await peer.echo(0)
    assert.deepEqual(
      acknowledged(),
      Array.from({ length: 200 }, (_, id) => id).filter((id) => id !== 50),
    )
    assert.ok(peer.count('disposition') < 100, `${peer.count('disposition')} dispositions`)
    const events = await receive(
      createConsumer(t, target().connectionString, 'acknowledged'),
      '0',
      earliestEventPosition,
      200,
    )
    assert.deepEqual(
      listBodies(events),
      Array.from({ length: 200 }, (_, id) => id),
    )
  })

  test('keeps interleaved deliveries of several links apart, and drops an aborted one (2.6.14)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    for (const handle of [0, 1, 2]) await peer.sender(0, handle, 'interleaved/Partitions/0')
    const bodies = ['a', 'b', 'c'].map((letter) => letter.repeat(50_000))
    const messages = bodies.map(encodeJson)
    for (let at = 0; at < 50_100; at += 10_000)
      for (const [handle, message] of messages.entries()) {
        const more = at + 10_000 < message.length
        const fields = {
          handle,
          more,
          ...(at === 0 && transfer(handle, handle)),
          ...(handle === 2 && !more && { aborted: true }),
        }
        peer.send(0, 'transfer', fields, message.subarray(at, at + 10_000))
      }
    peer.send(0, 'transfer', transfer(2, 3), encodeJson('after'))
    while (peer.dispositions.every(([, last]) => last < 3)) await peer.next('disposition')
    assert.ok(
      !peer.dispositions.some(([first, last]) => first <= 2 && last >= 2),
      'an aborted delivery is settled by its sender',
    )
    const events = await receive(
      createConsumer(t, target().connectionString, 'interleaved'),
      '0',
      earliestEventPosition,
      3,
    )
    assert.deepEqual(listBodies(events), [bodies[0], bodies[1], 'after'])
  })

  test("splits a message into the peer's frames, as many as its window allows (2.5.6, 2.7.5)", async (t) => {
    const text = 'w'.repeat(10_000)
    await createProducer(t, target().connectionString, 'windows').sendBatch([{ body: text }, { body: 'small' }])
    const peer = await RawPeer.open(t, target(), { max_frame_size: 512 })
    await peer.begin(0, { incoming_window: 3 })
    await peer.receiver(0, 0, 'windows/ConsumerGroups/$Default/Partitions/0')
    peer.credit(0, 0, 10, { incoming_window: 3 })
    const transfers = (): ReceivedFrame[] => peer.received.filter(({ name }) => name === 'transfer')
    let allowed = 3
    while (transfers().filter(({ fields }) => !fields.more).length < 2) {
      for (let i = transfers().length; i < allowed; i++) await peer.next('transfer')
      // Transfers beyond the window would have arrived before this. The echo does not change the window.
      peer.send(0, 'flow', {
        next_incoming_id: allowed,
        incoming_window: 0,
        next_outgoing_id: 0,
        outgoing_window: 0,
        echo: true,
      })
      await peer.next('flow')
      assert.equal(transfers().length, allowed)
      peer.credit(0, 0, 10, { next_incoming_id: allowed, incoming_window: 5, delivery_count: 0 })
      const before = allowed
      allowed += 5
      while (transfers().length < allowed && transfers().filter(({ fields }) => !fields.more).length < 2)
        await peer.next('transfer')
      assert.ok(transfers().length > before)
    }
    const first = transfers().findIndex(({ fields }) => !fields.more)
    const whole = rhea.message.decode(
      Buffer.concat(
        transfers()
          .slice(0, first + 1)
          .map(({ payload }) => payload),
      ),
    )
    assert.equal(JSON.parse((whole as unknown as { body: { content: Buffer } }).body.content.toString()), text)
    assert.deepEqual(
      transfers()
        .slice(0, first + 1)
        .map(({ fields }) => fields.delivery_id),
      Array(first + 1).fill(0),
    )
    assert.equal(transfers()[first + 1]?.fields.delivery_id, 1)
  })

  test('counts credit from the delivery count that the peer has seen (2.6.7)', async (t) => {
    const events = Array.from({ length: 50 }, (_, body) => ({ body }))
    await createProducer(t, target().connectionString, 'wrapped').sendBatch(events, { partitionId: '0' })
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.receiver(0, 0, 'wrapped/ConsumerGroups/$Default/Partitions/0')
    peer.credit(0, 0, 10)
    for (let i = 0; i < 10; i++) await peer.next('transfer')
    // The peer had seen 4 of the 10, so 6 are in flight, and a credit of 8 allows 2 more.
    peer.credit(0, 0, 8, { delivery_count: 4 })
    for (let i = 0; i < 2; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.count('transfer'), 12)
  })

  test('reads a start position by its key or descriptor, and refuses other filters (part 3, 3.5.8)', async (t) => {
    const events = Array.from({ length: 5 }, (_, body) => ({ body }))
    await createProducer(t, target().connectionString, 'filtered').sendBatch(events, { partitionId: '0' })
    const address = 'filtered/ConsumerGroups/$Default/Partitions/0'
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    const selector = (descriptor: string | number, after: number): unknown =>
      rhea.types.wrap_described(`amqp.annotation.x-opt-sequence-number > '${after}'`, descriptor)
    const filters = [
      { 'apache.org:selector-filter:string': selector('apache.org:selector-filter:string', 0) },
      { 'jms-selector': selector(0x468c00000004, 1) },
      { 'jms-selector': selector('apache.org:selector-filter:string', 2) },
      { 'apache.org:selector-filter:string': selector(0x468c, 3) },
    ]
    for (const [handle, filter] of filters.entries()) {
      await peer.receiver(0, handle, address, { source: terminus.source({ address, filter }).described() })
      peer.credit(0, handle, 1, { next_incoming_id: handle })
      const { payload } = await peer.next('transfer')
      const message = rhea.message.decode(payload) as unknown as { message_annotations: Record<string, unknown> }
      assert.equal(message.message_annotations['x-opt-sequence-number'], handle + 1)
    }
    const filter = { other: selector('apache.org:no-local-filter:list', 0) }
    await peer.receiver(0, 9, address, { source: terminus.source({ address, filter }).described() })
    assert.equal(conditionIn(await peer.next('detach')), 'com.microsoft:argument-error')
  })

  test('an invalid settle mode closes the connection; an epoch that is not a short is refused', async (t) => {
    const wrong = await RawPeer.open(t, target())
    await wrong.begin(0)
    wrong.send(0, 'attach', { name: 'x', handle: 0, role: false, snd_settle_mode: 7 })
    assert.equal(conditionIn(await wrong.next('close')), 'amqp:decode-error')
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    const identity = (epoch: number) => ({
      desired_capabilities: ['com.microsoft:idempotent-producer'],
      properties: {
        'com.microsoft:producer-id': rhea.types.wrap_long(4711),
        'com.microsoft:producer-epoch': rhea.types.wrap_int(epoch),
        'com.microsoft:producer-sequence-number': rhea.types.wrap_int(0),
      },
    })
    const ends = { target: terminus.target({ address: `${HUB}/Partitions/1` }).described() }
    peer.send(0, 'attach', { name: 'large', handle: 0, role: false, ...ends, ...identity(40_000) })
    assert.equal(conditionIn(await peer.next('detach')), 'com.microsoft:argument-error')
    // If the refused higher epoch had been recorded, it would refuse this one.
    await peer.sender(0, 1, `${HUB}/Partitions/1`, identity(1))
  })

  test('refuses reply links above the limit, and serves those that exist', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    for (let handle = 1; handle <= 20; handle++) await peer.receiver(0, handle, '$management')
    await peer.receiver(0, 21, '$management')
    assert.equal(conditionIn(await peer.next('detach')), 'amqp:resource-limit-exceeded')
    await peer.sender(0, 0, '$management')
    peer.credit(0, 1, 1)
    const properties = { operation: 'READ', type: 'com.microsoft:eventhub', name: HUB }
    const request = rhea.message.encode({ application_properties: properties } as never)
    peer.send(0, 'transfer', transfer(0, 0, { settled: true }), request)
    assert.equal((await peer.next('transfer')).fields.handle, 1)
  })

  test('rejects a message with malformed parts, so that no consumer gets it (part 1, 1.6)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, 'poison/Partitions/0')
    const data = '005375a00178'
    const poison = {
      'a list with a count of four billion': `005373d0 00000005 ffffffff 40 ${data}`,
      'a map with a key and no value': `005374c1 0401 a10161 ${data}`,
      'an array of four billion nulls': `005374d1 00000014 00000002 a10161 f0 00000005 ffffffff 40 4040 ${data}`,
      'a list that is longer than its items': `005373c0 0501 40404040 ${data}`,
      'lists nested 100 deep': `005377${nested(100)}`,
    }
    let id = 0
    for (const [what, hex] of Object.entries(poison)) {
      peer.send(0, 'transfer', transfer(0, id++), Buffer.from(hex.replaceAll(' ', ''), 'hex'))
      assert.equal(conditionIn(await peer.next('disposition')), 'amqp:decode-error', what)
    }
    peer.send(0, 'transfer', transfer(0, id), encodeJson('whole'))
    await peer.next('disposition')
    const events = await receive(createConsumer(t, target().connectionString, 'poison'), '0', earliestEventPosition, 1)
    assert.deepEqual([events[0]?.body, events[0]?.sequenceNumber], ['whole', 0])
  })

  test('a receiver that does not read costs no memory, and gets everything when it reads', async (t) => {
    const producer = createProducer(t, target().connectionString, 'unread')
    const count = 600
    for (let i = 0; i < count; i += 20)
      await producer.sendBatch(Array.from({ length: 20 }, (_, j) => ({ body: { i: i + j, text: 'x'.repeat(40_000) } })))
    const before = await target().memory?.()
    const peer = await RawPeer.open(t, target())
    await peer.begin(0, { incoming_window: 1_000_000 })
    await peer.receiver(0, 0, 'unread/ConsumerGroups/$Default/Partitions/0')
    peer.socket.pause()
    peer.credit(0, 0, 100_000, { incoming_window: 1_000_000 })
    // Others are served meanwhile.
    const events = await receive(
      createConsumer(t, target().connectionString, 'unread', { ...PATIENT, group: 'audit' }),
      '0',
      earliestEventPosition,
      count,
    )
    assert.equal(events.length, count)
    const after = await target().memory?.()
    if (before === undefined || after === undefined) t.diagnostic('the memory of this target is unknown')
    else
      assert.ok(after - before < 60_000_000, `${before} to ${after} bytes for one reader of 24 MB that does not read`)
    peer.socket.resume()
    for (let i = 0; i < count; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.count('transfer'), count)
  })

  test('stops reading a client that reads no answers, and serves others', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, '$management')
    await peer.receiver(0, 1, '$management')
    peer.credit(0, 1, 1_000_000, { incoming_window: 1_000_000 })
    peer.socket.pause()
    const properties = { operation: 'READ', type: 'com.microsoft:eventhub', name: HUB }
    // The id comes back in the answer, which is then as large as the request.
    const message = rhea.message.encode({ application_properties: properties, message_id: 'x'.repeat(15_000) } as never)
    const asked = 6_000
    const block = Buffer.concat(
      Array.from({ length: 200 }, () => frame(0, 'transfer', transfer(0, 1, { settled: true }), message)),
    )
    const before = await target().memory?.()
    for (let i = 0; i < asked; i += 200) peer.socket.write(block)
    const other = createProducer(t, target().connectionString, HUB)
    for (let i = 0; i < 20; i++) await other.getPartitionIds()
    const after = await target().memory?.()
    if (before === undefined || after === undefined) t.diagnostic('the memory of this target is unknown')
    else assert.ok(after - before < 40_000_000, `${before} to ${after} bytes for 90 MB of requests`)
    peer.socket.resume()
    for (let i = 0; i < asked; i++) await peer.next('transfer')
  })
}

function nested(depth: number): string {
  let value = '45'
  for (let i = 0; i < depth; i++) {
    const length = value.length / 2
    const head = Buffer.alloc(9)
    head[0] = 0xd0
    head.writeUInt32BE(length + 4, 1)
    head.writeUInt32BE(1, 5)
    value = head.toString('hex') + value
  }
  return value
}
