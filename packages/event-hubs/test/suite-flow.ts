import assert from 'node:assert/strict'
import { test } from 'node:test'
import rhea from 'rhea'
import terminus from 'rhea/lib/terminus.js'
import { within } from '../../test-support/wait.ts'
import { bool, type Described, dataSection, described, list, readValue } from './amqp-wire.ts'
import { conditionIn, encodeJson, type Fields, frame, RawPeer, type ReceivedFrame, transfer } from './raw-peer.ts'
import { createProducer, type EventHubsTarget } from './support.ts'

const HUB = 'flows'
const SOURCE = `${HUB}/ConsumerGroups/$Default/Partitions/0`
const END_OF_PARTITION = `${HUB}/ConsumerGroups/$Default/Partitions/1`
const LATEST = `${HUB}/ConsumerGroups/$Default/Partitions/2`
const EVENTS = 50

/** Windows, credit, ids and acknowledgements, with exact numbers. Section numbers as in suite-protocol.ts. */
export function flows(target: () => EventHubsTarget): void {
  const listTransfers = (peer: RawPeer): ReceivedFrame[] => peer.received.filter(({ name }) => name === 'transfer')
  const listSequences = (peer: RawPeer, handle = 0): number[] =>
    listTransfers(peer)
      .filter(({ fields }) => fields.handle === handle)
      .map(({ payload }) => Number(rhea.message.decode(payload).message_annotations?.['x-opt-sequence-number']))
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

  let filled: Promise<void> | undefined
  /** A peer of a hub with events in partition 0 and none in partition 1. */
  async function filledPeer(...[t, begin]: [Parameters<typeof createProducer>[0], Fields?]): Promise<RawPeer> {
    filled ??= createProducer(t, target().connectionString, HUB).sendBatch(
      upTo(EVENTS).map((body) => ({ body })),
      { partitionId: '0' },
    )
    await filled
    const peer = await RawPeer.open(t, target())
    await peer.begin(0, begin)
    return peer
  }

  test("subtracts deliveries in flight from a flow's credit, also across a wrap-around (2.6.7)", async (t) => {
    const peer = await filledPeer(t)
    await peer.receiver(0, 0, SOURCE)
    // The count is two before the first delivery, so two of the five are in flight.
    peer.credit(0, 0, 5, { delivery_count: 0xffff_fffe })
    for (let i = 0; i < 3; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.count('transfer'), 3)
  })

  test("subtracts transfers in flight from the session's window, also across a wrap-around (2.5.6)", async (t) => {
    const peer = await filledPeer(t)
    await peer.receiver(0, 0, SOURCE)
    peer.credit(0, 0, 50, { next_incoming_id: 0xffff_fffe, incoming_window: 5 })
    for (let i = 0; i < 3; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.count('transfer'), 3)
  })

  test("a session's first window applies from its first transfer on, to all its links (2.5.6)", async (t) => {
    const peer = await filledPeer(t, { incoming_window: 4 })
    for (const handle of [0, 1]) await peer.receiver(0, handle, SOURCE)
    peer.credit(0, 0, 3, { incoming_window: 4 })
    peer.credit(0, 1, 50, { incoming_window: 4, next_incoming_id: 3 })
    for (let i = 0; i < 7; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.count('transfer'), 7)
    // A flow with only a window lets links continue that waited for the window.
    peer.send(0, 'flow', { next_incoming_id: 7, incoming_window: 2, next_outgoing_id: 0, outgoing_window: 0 })
    for (let i = 0; i < 2; i++) await peer.next('transfer')
    assert.deepEqual(listSequences(peer, 0), upTo(3))
    assert.deepEqual(listSequences(peer, 1), upTo(6))
  })

  test('transfers to two receivers of a session share one id sequence, settled, with format 0 (2.7.5)', async (t) => {
    const peer = await filledPeer(t)
    for (const handle of [0, 1]) await peer.receiver(0, handle, SOURCE)
    for (let i = 0; i < 5; i++)
      for (const handle of [0, 1]) {
        peer.credit(0, handle, 5, { next_incoming_id: peer.count('transfer'), delivery_count: i * 5 })
        for (let j = 0; j < 5; j++) await peer.next('transfer')
      }
    assert.deepEqual(
      listTransfers(peer).map(({ fields }) => fields.delivery_id),
      upTo(50),
    )
    for (const { fields } of listTransfers(peer))
      assert.deepEqual([fields.message_format, fields.settled, fields.more || false], [0, true, false])
    for (const handle of [0, 1]) assert.deepEqual(listSequences(peer, handle), upTo(25))
  })

  test('a drain at the end of the partition gives back the remaining credit (2.6.7)', async (t) => {
    const peer = await filledPeer(t)
    await peer.receiver(0, 0, SOURCE)
    peer.credit(0, 0, EVENTS + 30, { drain: true })
    const { fields } = await peer.next('flow')
    assert.deepEqual(
      [fields.handle, fields.link_credit, fields.delivery_count, fields.drain],
      [0, 0, EVENTS + 30, true],
    )
    assert.deepEqual(listSequences(peer), upTo(EVENTS))
    // Credit without a drain is kept if there is nothing to send.
    peer.credit(0, 0, 7, { delivery_count: EVENTS + 30, next_incoming_id: EVENTS, echo: true })
    assert.deepEqual((await peer.next('flow')).fields.link_credit, 7)
  })

  test('a drain waits for the rest of a message that the window blocks (2.6.7)', async (t) => {
    await createProducer(t, target().connectionString, 'drained').sendBatch([{ body: 'd'.repeat(2000) }])
    const peer = await RawPeer.open(t, target(), { max_frame_size: 512 })
    await peer.begin(0, { incoming_window: 2 })
    await peer.receiver(0, 0, 'drained/ConsumerGroups/$Default/Partitions/0')
    peer.credit(0, 0, 10, { incoming_window: 2, drain: true })
    for (let i = 0; i < 2; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(peer.received.filter(({ name, fields }) => name === 'flow' && fields.handle === 0).length, 0)
    peer.credit(0, 0, 10, { next_incoming_id: 2, drain: true })
    assert.equal((await peer.next('flow')).fields.delivery_count, 10)
    assert.deepEqual(
      listTransfers(peer).map(({ fields }) => fields.more),
      [...Array(listTransfers(peer).length - 1).fill(true), false],
    )
  })

  test('detaches a link before its credit exceeds what an SDK can send (2.6.7)', async (t) => {
    const peer = await filledPeer(t)
    await peer.receiver(0, 0, SOURCE)
    peer.credit(0, 0, 2 ** 31 + 1)
    assert.equal(conditionIn(await peer.next('detach')), 'amqp:link:detach-forced')
    assert.equal(peer.count('transfer'), 0)
  })

  test('a receiver that starts at the latest gets no existing event, but the next one', async (t) => {
    const peer = await filledPeer(t)
    for (const [handle, start] of [`> '@latest'`, `>= '@latest'`].entries()) {
      const selector = rhea.types.wrap_described(`amqp.annotation.x-opt-offset ${start}`, 0x468c00000004)
      const filter = { 'apache.org:selector-filter:string': selector }
      const source = terminus.source({ address: LATEST, filter }).described()
      const producer = createProducer(t, target().connectionString, HUB)
      await producer.sendBatch([{ body: 'before' }], { partitionId: '2' })
      const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties('2')
      await peer.receiver(0, handle, LATEST, { source })
      peer.credit(0, handle, 1, { next_incoming_id: handle })
      await producer.sendBatch([{ body: 'after' }], { partitionId: '2' })
      await peer.next('transfer')
      assert.deepEqual(listSequences(peer, handle), [lastEnqueuedSequenceNumber + 1])
    }
  })

  for (const max_frame_size of [100_000, 512])
    test(`inserts requested runtime metrics, in frames of ${max_frame_size} bytes (part 3, 3.2)`, async (t) => {
      const hub = `metrics${max_frame_size}`
      const sender = await RawPeer.open(t, target())
      await sender.begin(0)
      await sender.sender(0, 0, `${hub}/Partitions/0`)
      const sent = Buffer.concat([described(0x70, list(bool(true))), dataSection(Buffer.alloc(1000))])
      sender.send(0, 'transfer', transfer(0, 0), sent)
      await sender.next('disposition')
      for (const [desired_capabilities, codes] of [
        ['com.microsoft:enable-receiver-runtime-metric', [0x70, 0x71, 0x72, 0x75]],
        [undefined, [0x70, 0x72, 0x75]],
      ] as const) {
        const peer = await RawPeer.open(t, target(), { max_frame_size })
        await peer.begin(0)
        await peer.receiver(0, 0, `${hub}/ConsumerGroups/$Default/Partitions/0`, { desired_capabilities })
        peer.credit(0, 0, 1)
        do await peer.next('transfer')
        while (listTransfers(peer).every(({ fields }) => fields.more))
        const whole = Buffer.concat(listTransfers(peer).map(({ payload }) => payload))
        const sections: unknown[] = []
        for (let at = 0; at < whole.length; ) {
          const { value, end } = readValue(whole, at)
          sections.push((value as Described).descriptor)
          at = end
        }
        assert.deepEqual(sections, codes)
      }
    })

  test('refuses a receiver with a lower epoch or none at once, without effect on the owner', async (t) => {
    const peer = await filledPeer(t)
    const withEpoch = (epoch: number): Fields => ({
      properties: { 'com.microsoft:epoch': rhea.types.wrap_long(epoch) },
    })
    const source = `${HUB}/ConsumerGroups/audit/Partitions/0`
    await peer.receiver(0, 0, source, withEpoch(2))
    for (const [handle, fields] of [
      [1, withEpoch(1)],
      [2, {}],
    ] as const) {
      await peer.receiver(0, handle, source, fields)
      const detached = await peer.next('detach')
      assert.deepEqual([detached.fields.handle, conditionIn(detached)], [handle, 'amqp:link:stolen'])
    }
    peer.credit(0, 0, 1)
    await peer.next('transfer')
    await peer.receiver(0, 3, source, withEpoch(2))
    const kicked = peer.received.filter(({ name }) => name === 'detach').slice(2)
    assert.deepEqual(
      kicked.map((detached) => [detached.fields.handle, conditionIn(detached)]),
      [[0, 'amqp:link:stolen']],
    )
  })

  test('a producer with a higher epoch ends its older link; a send without numbers is rejected', async (t) => {
    const peer = await filledPeer(t)
    const producer = (epoch: number): Fields => ({
      desired_capabilities: 'com.microsoft:idempotent-producer',
      properties: {
        'com.microsoft:producer-id': rhea.types.wrap_long(4711),
        'com.microsoft:producer-epoch': rhea.types.wrap_short(epoch),
      },
    })
    await peer.sender(0, 0, `${HUB}/Partitions/2`, producer(1))
    await peer.sender(0, 1, `${HUB}/Partitions/2`, producer(2))
    const detached = peer.received.find(({ name }) => name === 'detach')
    assert.ok(detached)
    assert.deepEqual([detached.fields.handle, conditionIn(detached)], [0, 'com.microsoft:producer-epoch-stolen'])
    peer.send(0, 'transfer', transfer(1, 0), encodeJson('without numbers'))
    assert.equal(conditionIn(await peer.next('disposition')), 'com.microsoft:argument-error')
  })

  test('refuses an epoch that is not a whole number', async (t) => {
    const peer = await filledPeer(t)
    for (const [handle, epoch] of ['1', rhea.types.wrap_double(1.5)].entries()) {
      await peer.receiver(0, handle, SOURCE, { properties: { 'com.microsoft:epoch': epoch } })
      assert.equal(conditionIn(await peer.next('detach')), 'com.microsoft:argument-error')
    }
  })

  test("ignores a flow that crosses the server's detach (2.6.4)", async (t) => {
    const peer = await filledPeer(t)
    peer.send(0, 'attach', { name: 'nowhere', handle: 0, role: true })
    await peer.next('detach')
    peer.credit(0, 0, 10, { echo: true })
    peer.send(0, 'detach', { handle: 0, closed: true })
    await peer.echo(0)
    assert.equal(peer.count('detach'), 1, 'the answer to a detach is not answered')
    assert.deepEqual(
      peer.received.filter(({ name, fields }) => name === 'flow' && fields.handle === 0),
      [],
    )
  })

  test('attaches a refused link without terminus before it detaches it (2.6.3)', async (t) => {
    const peer = await filledPeer(t)
    const attached = await peer.receiver(0, 0, 'nowhere/ConsumerGroups/$Default/Partitions/0')
    const { source, target: end } = attached.fields as Record<string, { value?: unknown } | undefined>
    assert.deepEqual([source?.value ?? null, end?.value ?? null], [null, null])
    const detached = await peer.next('detach')
    assert.deepEqual([detached.fields.closed, conditionIn(detached)], [true, 'amqp:not-found'])
  })

  test('a link has the settle mode that its sender asks for (2.7.3)', async (t) => {
    const peer = await filledPeer(t)
    for (const snd_settle_mode of [0, 1, 2]) {
      const fields = { name: `settles ${snd_settle_mode}`, handle: snd_settle_mode, role: false, snd_settle_mode }
      peer.send(0, 'attach', fields)
      assert.equal((await peer.next('attach')).fields.snd_settle_mode, snd_settle_mode)
    }
  })

  test("a sender's delivery count starts at its initial value, also across a wrap-around (2.6.7)", async (t) => {
    const peer = await filledPeer(t, { next_outgoing_id: 0xffff_fffe })
    const granted = await peer.sender(0, 0, `${HUB}/Partitions/2`, { initial_delivery_count: 0xffff_ffff })
    assert.deepEqual([granted.fields.delivery_count, granted.fields.next_incoming_id], [0xffff_ffff, 0xffff_fffe])
    const ids = [0xffff_fffe, 0xffff_ffff, 0, 1]
    peer.socket.write(Buffer.concat(ids.map((id) => frame(0, 'transfer', transfer(0, id), encodeJson(id)))))
    const acknowledged = (): number =>
      peer.dispositions.reduce((sum, [first, last]) => sum + ((last - first) >>> 0) + 1, 0)
    while (acknowledged() < ids.length) await peer.next('disposition')
    assert.equal(peer.count('disposition'), 1, 'a run continues across the wrap-around')
    peer.credit(0, 0, 0, { echo: true })
    const { fields } = await peer.next('flow')
    assert.deepEqual(
      [fields.delivery_count, fields.next_incoming_id, fields.link_credit],
      [3, 2, Number(granted.fields.link_credit) - 4],
    )
  })

  test('closes the connection if the delivery count is not a number (2.7.3)', async (t) => {
    const peer = await filledPeer(t)
    const end = terminus.target({ address: `${HUB}/Partitions/2` }).described()
    const fields = { name: 'x', handle: 0, role: false, target: end, initial_delivery_count: 0xaabb_ccdd }
    const attach = frame(0, 'attach', fields)
    const at = attach.indexOf(Buffer.from('70aabbccdd', 'hex'))
    assert.ok(at > 0)
    // A string of the same length.
    attach.write('a103616263', at, 'hex')
    peer.socket.write(attach)
    assert.equal(conditionIn(await peer.next('close')), 'amqp:decode-error')
  })

  test('writes a rejection after earlier acceptances, and only true runs as one disposition (2.7.6)', async (t) => {
    const peer = await filledPeer(t)
    await peer.sender(0, 0, `${HUB}/Partitions/2`)
    const broken = Buffer.from('005375', 'hex')
    const deliveries = [0, 1, 2, 10, 11, 12, 20].map((id) =>
      frame(0, 'transfer', transfer(0, id), id % 10 === 2 ? broken : encodeJson(id)),
    )
    peer.socket.write(Buffer.concat(deliveries))
    const listOutcomes = (): string[] =>
      peer.received
        .filter(({ name }) => name === 'disposition')
        .flatMap((disposition) => {
          const { first, last } = disposition.fields
          const how = conditionIn(disposition) === 'amqp:decode-error' ? 'rejected' : 'accepted'
          return upTo(Number(last ?? first) - Number(first) + 1).map((i) => `${how} ${Number(first) + i}`)
        })
    while (listOutcomes().length < deliveries.length) await peer.next('disposition')
    assert.deepEqual(listOutcomes().sort(), [
      ...['accepted 0', 'accepted 1', 'accepted 10', 'accepted 11', 'accepted 20'],
      ...['rejected 12', 'rejected 2'],
    ])
    for (const { fields } of peer.received.filter(({ name }) => name === 'disposition'))
      assert.deepEqual([fields.role, fields.settled], [true, true])
  })

  test('does not acknowledge a delivery settled in its last frame or aborted in its first (2.7.5)', async (t) => {
    const peer = await filledPeer(t)
    await peer.sender(0, 0, `${HUB}/Partitions/2`)
    const message = encodeJson('in two')
    peer.send(0, 'transfer', transfer(0, 0, { more: true }), message.subarray(0, 9))
    peer.send(0, 'transfer', { handle: 0, settled: true }, message.subarray(9))
    peer.send(0, 'transfer', transfer(0, 1, { aborted: true }), encodeJson('aborted'))
    peer.send(0, 'transfer', transfer(0, 2), encodeJson('last'))
    await peer.next('disposition')
    await peer.echo(0)
    assert.deepEqual(peer.dispositions, [[2, 2]])
  })

  test('refuses a message too large for its link, in one frame or many, and accepts the next', async (t) => {
    const peer = await filledPeer(t)
    await peer.sender(0, 0, '$management')
    await peer.sender(0, 1, `${HUB}/Partitions/2`)
    const large = encodeJson('z'.repeat(70_000))
    peer.send(0, 'transfer', transfer(0, 0), large)
    assert.equal(conditionIn(await peer.next('disposition')), 'amqp:link:message-size-exceeded')
    for (let part = 0; part < 20; part++)
      peer.send(0, 'transfer', { ...(part === 0 ? transfer(1, 1) : { handle: 1 }), more: part < 19 }, large)
    assert.equal(conditionIn(await peer.next('disposition')), 'amqp:link:message-size-exceeded')
    const small = encodeJson('small')
    peer.send(0, 'transfer', transfer(1, 2, { more: true }), small.subarray(0, 5))
    peer.send(0, 'transfer', { handle: 1 }, small.subarray(5))
    assert.equal(conditionIn(await peer.next('disposition')), undefined)
  })

  test("renews a sender's credit as it is used up (2.6.7)", async (t) => {
    const peer = await filledPeer(t)
    const granted = await peer.sender(0, 0, `${HUB}/Partitions/2`)
    let credit = Number(granted.fields.link_credit)
    const wanted = 3 * credit
    for (let sent = 0; sent < wanted; ) {
      const frames = upTo(Math.min(credit, wanted - sent)).map((i) =>
        frame(0, 'transfer', transfer(0, sent + i), encodeJson(sent + i)),
      )
      peer.socket.write(Buffer.concat(frames))
      sent += frames.length
      while (sent < wanted) {
        const { fields } = await peer.next('flow')
        credit = Number(fields.delivery_count) + Number(fields.link_credit) - sent
        if (credit > 0) break
      }
    }
    const last = wanted - 1
    while (!peer.dispositions.some(([, end]) => end === last)) await peer.next('disposition')
  })

  test('a receiver far behind the newest events gets each once and in order, from file and memory', async (t) => {
    const producer = createProducer(t, target().connectionString, 'behind')
    const text = 'b'.repeat(10_000)
    const send = async (from: number, count: number): Promise<void> => {
      for (let at = from; at < from + count; at += 100)
        await producer.sendBatch(
          upTo(100).map((i) => ({ body: { i: at + i, text } })),
          { partitionId: '0' },
        )
    }
    await send(0, 2000)
    const peer = await RawPeer.open(t, target())
    await peer.begin(0, { incoming_window: 100_000 })
    await peer.receiver(0, 0, 'behind/ConsumerGroups/$Default/Partitions/0')
    let received = 0
    const take = async (count: number): Promise<void> => {
      const fields = { incoming_window: 100_000, next_incoming_id: received, delivery_count: received }
      peer.credit(0, 0, count, fields)
      for (const end = received + count; received < end; received++) await peer.next('transfer')
    }
    // In steps that end inside a read block, while a producer replaces the events in memory.
    const more = send(2000, 2000)
    for (let step = 1; received < 1800; step++) await take(1 + ((step * 37) % 150))
    await within(more, 'the producer')
    await take(4000 - received)
    await peer.echo(0)
    assert.deepEqual(listSequences(peer), upTo(4000))
    // The last events come from memory.
    await send(4000, 100)
    await take(100)
    assert.deepEqual(listSequences(peer), upTo(4100))
  })

  test('stores every settled event of a producer that never waits, without using more memory', async (t) => {
    const peer = await RawPeer.open(t, target())
    await peer.begin(0)
    await peer.sender(0, 0, 'poured/Partitions/0')
    const before = await target().memory?.()
    const count = 1500
    const message = encodeJson('p'.repeat(100_000))
    let most = 0
    for (let id = 0; id < count; id++) {
      if (!peer.socket.write(frame(0, 'transfer', transfer(0, id, { settled: true }), message)))
        await within(new Promise<void>((resolve) => peer.socket.once('drain', () => resolve())), 'room for more')
      if (id % 100 === 0) most = Math.max(most, (await target().memory?.()) ?? 0)
    }
    peer.send(0, 'transfer', transfer(0, count), encodeJson('last'))
    await peer.next('disposition')
    assert.deepEqual(peer.dispositions, [[count, count]])
    const { lastEnqueuedSequenceNumber } = await createProducer(
      t,
      target().connectionString,
      'poured',
    ).getPartitionProperties('0')
    assert.equal(lastEnqueuedSequenceNumber, count)
    if (before === undefined) t.diagnostic('the memory of this target is unknown')
    else assert.ok(most - before < 100_000_000, `${before} to ${most} bytes for 150 MB of settled events`)

    // The same for a reader that asks for all events and reads nothing.
    const rested = await target().memory?.()
    const reader = await RawPeer.open(t, target())
    await reader.begin(0, { incoming_window: 10_000 })
    await reader.receiver(0, 0, 'poured/ConsumerGroups/$Default/Partitions/0')
    reader.socket.pause()
    reader.credit(0, 0, 10_000, { incoming_window: 10_000 })
    // Meanwhile another reader reads all events.
    const other = await RawPeer.open(t, target())
    await other.begin(0, { incoming_window: 10_000 })
    await other.receiver(0, 0, 'poured/ConsumerGroups/audit/Partitions/0')
    other.credit(0, 0, count + 1, { incoming_window: 10_000 })
    for (let i = 0; i <= count; i++) await other.next('transfer')
    const held = await target().memory?.()
    if (rested !== undefined && held !== undefined)
      assert.ok(held - rested < 60_000_000, `${rested} to ${held} bytes for one reader of 150 MB that does not read`)
  })

  test('a receiver at the end of a partition gets a new event when it arrives', async (t) => {
    const peer = await filledPeer(t)
    await peer.receiver(0, 0, END_OF_PARTITION)
    peer.credit(0, 0, 10, { echo: true })
    await peer.next('flow')
    assert.equal(peer.count('transfer'), 0)
    await createProducer(t, target().connectionString, HUB).sendBatch([{ body: 'comes' }], { partitionId: '1' })
    await peer.next('transfer')
    assert.deepEqual(listSequences(peer), [0])
  })
}
