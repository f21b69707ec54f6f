import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import rhea, { type Message } from 'rhea'
import terminus from 'rhea/lib/terminus.js'
import { within } from '../../test-support/wait.ts'
import { AMQP_HEADER, conditionIn, encodeJson, type Fields, frame, RawPeer, transfer } from './raw-peer.ts'
import { createProducer, type EventHubsTarget } from './support.ts'

const HUB = 'requests'
const OTHER = 'connections'
const SOURCE = `${HUB}/ConsumerGroups/$Default/Partitions/0`
/** Links of a peer: it sends requests on the first, and receives answers on the second. */
const ASKS = 0
const ANSWERS = 1

/** Requests to `$cbs` and `$management`. */
export function requests(target: () => EventHubsTarget): void {
  const audience = (path: string): string => `sb://127.0.0.1/${path}`
  const READ = { operation: 'READ', type: 'com.microsoft:eventhub', name: HUB }

  /** @param seconds lifetime of the token. */
  function token(path: string, seconds = 3600, { key = 'SAS_KEY_VALUE', keyName = 'RootManageSharedAccessKey' } = {}) {
    const resource = encodeURIComponent(audience(path))
    const expiry = Math.floor(Date.now() / 1000) + seconds
    const signature = createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64')
    return `SharedAccessSignature sr=${resource}&sig=${encodeURIComponent(signature)}&se=${expiry}&skn=${keyName}`
  }

  /** A client without a SASL layer, which only has the rights of its tokens. */
  async function unclaimed(t: TestContext): Promise<RawPeer> {
    const peer = await RawPeer.connect(t, target())
    peer.socket.write(AMQP_HEADER)
    peer.send(0, 'open', { container_id: 'raw' })
    await peer.next('open')
    return peer
  }

  /** Begins a session, with a link to a node and one from it. */
  async function links(peer: RawPeer, channel: number, node: string, credit = 1000): Promise<void> {
    await peer.begin(channel)
    await peer.sender(channel, ASKS, node)
    await peer.receiver(channel, ANSWERS, node)
    if (credit > 0) peer.credit(channel, ANSWERS, credit)
  }

  function ask(peer: RawPeer, channel: number, properties: Fields, message: Partial<Message> = {}): void {
    const payload = rhea.message.encode({ body: null, application_properties: { ...properties }, ...message })
    peer.send(channel, 'transfer', transfer(ASKS, 0, { settled: true }), payload)
  }

  async function answer(
    peer: RawPeer,
  ): Promise<{ channel: number; handle: unknown; message: Message; status: unknown }> {
    const { channel, fields, payload } = await peer.next('transfer')
    const message = rhea.message.decode(payload) as unknown as Message
    return { channel, handle: fields.handle, message, status: message.application_properties?.['status-code'] }
  }

  async function putToken(peer: RawPeer, channel: number, name: string, body: string): Promise<unknown> {
    const type = 'servicebus.windows.net:sastoken'
    ask(peer, channel, { operation: 'put-token', name: audience(name), type }, { body })
    return (await answer(peer)).status
  }

  test('refuses tokens of another key, key name, hub or type, expired or missing, and other operations', async (t) => {
    const peer = await unclaimed(t)
    await links(peer, 0, '$cbs')
    const name = HUB
    for (const [what, body] of [
      ['another key', token(name, 3600, { key: 'another' })],
      ['another key name', token(name, 3600, { keyName: 'another' })],
      ['another hub', token(OTHER)],
      ['a hub whose name is a prefix', token(HUB.slice(0, -1))],
      ['expired', token(name, -60)],
      ['no token', 'SharedAccessSignature'],
      ['no text', ''],
    ] as const)
      assert.equal(await putToken(peer, 0, name, body), 401, what)
    ask(peer, 0, { operation: 'put-token', name: audience(name), type: 'jwt' }, { body: token(name) })
    assert.equal((await answer(peer)).status, 401)
    ask(peer, 0, { operation: 'take-token', name: audience(name) }, { body: token(name) })
    assert.equal((await answer(peer)).status, 400)
    await peer.begin(1)
    await peer.receiver(1, 0, SOURCE)
    assert.equal(conditionIn(await peer.next('detach')), 'amqp:unauthorized-access')
  })

  test('a token opens only its hub, to senders, receivers and requests', async (t) => {
    const peer = await unclaimed(t)
    await links(peer, 0, '$cbs')
    assert.equal(await putToken(peer, 0, HUB, token(HUB)), 202)
    await links(peer, 1, '$management')
    for (const [name, status] of [
      [HUB, 200],
      [OTHER, 401],
    ] as const) {
      ask(peer, 1, { ...READ, name })
      assert.equal((await answer(peer)).status, status)
    }
    await peer.begin(2)
    await peer.sender(2, 0, HUB)
    await peer.receiver(2, 1, SOURCE)
    peer.send(2, 'attach', { ...senderFields(OTHER), handle: 2 })
    assert.equal(conditionIn(await peer.next('detach')), 'amqp:unauthorized-access')
    await peer.receiver(2, 3, `${OTHER}/ConsumerGroups/$Default/Partitions/0`)
    assert.equal(conditionIn(await peer.next('detach')), 'amqp:unauthorized-access')
  })

  test('detaches the links of an expired token, and keeps those of a renewed one', async (t) => {
    const peer = await unclaimed(t)
    await links(peer, 0, '$cbs')
    assert.equal(await putToken(peer, 0, HUB, token(HUB, 2)), 202)
    assert.equal(await putToken(peer, 0, OTHER, token(OTHER, 2)), 202)
    await peer.begin(1)
    await peer.sender(1, 0, `${HUB}/Partitions/0`)
    await peer.sender(1, 1, `${OTHER}/Partitions/0`)
    assert.equal(await putToken(peer, 0, HUB, token(HUB, 4)), 202)
    const detached = await peer.next('detach')
    assert.deepEqual([detached.fields.handle, conditionIn(detached)], [1, 'amqp:unauthorized-access'])
    // Frames in flight name a link that has ended.
    peer.send(1, 'transfer', transfer(1, 7), encodeJson('too late'))
    peer.send(1, 'detach', { handle: 1, closed: true })
    peer.send(1, 'transfer', transfer(0, 0), encodeJson('still here'))
    await peer.next('disposition')
    await peer.echo(1)
    assert.deepEqual(peer.dispositions, [[0, 0]])
    assert.equal(peer.count('detach'), 1)
    assert.equal((await peer.next('detach')).fields.handle, 0, 'the renewed one expires later')
    assert.equal(await putToken(peer, 0, OTHER, token(OTHER)), 202, 'links to $cbs need no token')
  })

  test('answers a request with its own valid token without one on $cbs, and refuses an invalid one', async (t) => {
    const peer = await unclaimed(t)
    await links(peer, 0, '$management')
    for (const [security_token, status] of [
      [token(HUB), 200],
      [undefined, 401],
      [token(OTHER), 401],
      [token(HUB, -60), 401],
      [token(HUB, 3600, { key: 'another' }), 401],
      [7, 401],
    ] as const) {
      ask(peer, 0, { ...READ, ...(security_token !== undefined && { security_token }) })
      assert.equal((await answer(peer)).status, status, String(security_token))
    }
  })

  test('a client holds a thousand tokens; the next one replaces the one that expires first', async (t) => {
    const peer = await unclaimed(t)
    await links(peer, 0, '$cbs', 2000)
    assert.equal(await putToken(peer, 0, HUB, token(HUB, 1000)), 202)
    const opens = async (): Promise<boolean> => {
      ask(peer, 1, READ)
      return (await answer(peer)).status === 200
    }
    await links(peer, 1, '$management')
    for (let i = 0; i < 999; i++) assert.equal(await putToken(peer, 0, `entity-${i}`, token(`entity-${i}`)), 202)
    assert.ok(await opens())
    assert.equal(await putToken(peer, 0, 'one-more', token('one-more')), 202)
    assert.ok(!(await opens()))
  })

  test('sends an answer to the link that the request names, by name or target, or to the only one', async (t) => {
    const peer = await RawPeer.open(t, target())
    for (const channel of [0, 1]) {
      await links(peer, channel, '$management')
      for (const handle of [2, 3]) {
        const to = terminus.target({ address: `target ${handle}` }).described()
        await peer.receiver(channel, handle, '$management', { name: `answers ${handle}`, target: to })
        peer.credit(channel, handle, 10)
      }
      // A link of another node in the same session.
      await peer.receiver(channel, 4, '$cbs', { name: 'answers of $cbs' })
      peer.credit(channel, 4, 10)
    }
    for (const channel of [1, 0])
      for (const [reply_to, handle] of [
        ['answers 2', 2],
        ['answers 3', 3],
        ['target 2', 2],
        ['target 3', 3],
        ['raw', ANSWERS],
        ['answers of $cbs', ANSWERS],
        ['nobody', ANSWERS],
        [undefined, ANSWERS],
      ] as const) {
        const message_id = `${channel} ${reply_to}`
        ask(peer, channel, READ, { message_id, ...(reply_to && { reply_to }) })
        const answered = await answer(peer)
        assert.deepEqual(
          [answered.channel, answered.handle, answered.message.correlation_id, answered.status],
          [channel, handle, message_id, 200],
        )
      }
  })

  test('rejects a request that is larger than 64 KB or malformed, and answers the next', async (t) => {
    const peer = await RawPeer.open(t, target())
    await links(peer, 0, '$management')
    const large = rhea.message.encode({ body: 'x'.repeat(70_000), application_properties: READ })
    for (const [payload, condition] of [
      [large, 'amqp:link:message-size-exceeded'],
      [Buffer.from('005374c10401a10161', 'hex'), 'amqp:decode-error'],
      [Buffer.from('00', 'hex'), 'amqp:decode-error'],
    ] as const) {
      peer.send(0, 'transfer', transfer(ASKS, 0), payload)
      assert.equal(conditionIn(await peer.next('disposition')), condition)
    }
    peer.send(0, 'transfer', transfer(ASKS, 1), rhea.message.encode({ body: null, application_properties: READ }))
    assert.equal((await answer(peer)).status, 200)
    assert.equal(conditionIn(await peer.next('disposition')), undefined)
  })

  test("writes pending acknowledgements before a rejection and before the session's end (2.7.6)", async (t) => {
    const peer = await RawPeer.open(t, target())
    await links(peer, 0, '$management')
    const good = rhea.message.encode({ body: null, application_properties: READ })
    const deliveries = [good, good, Buffer.from('00', 'hex'), good, good]
    const frames = deliveries.map((payload, id) => frame(0, 'transfer', transfer(ASKS, id), payload))
    // Written at once, so that the error which ends the session is read in the same turn.
    peer.socket.write(Buffer.concat([...frames, frame(0, 'transfer', transfer(99, 5), good)]))
    assert.equal(conditionIn(await peer.next('end')), 'amqp:session:unattached-handle')
    assert.deepEqual(peer.dispositions, [
      [0, 1],
      [2, 2],
      [3, 4],
    ])
  })

  test('answers wait for credit, the oldest are dropped above a limit, the last ends a drain (2.6.7)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await links(peer, 0, '$management', 0)
    for (let id = 0; id < 250; id++) ask(peer, 0, READ, { message_id: `request ${id}` })
    await peer.echo(0)
    assert.equal(peer.count('transfer'), 0)
    peer.credit(0, ANSWERS, 300, { drain: true })
    const answered: unknown[] = []
    for (let i = 0; i < 200; i++) answered.push((await answer(peer)).message.correlation_id)
    assert.deepEqual(
      answered,
      Array.from({ length: 200 }, (_, i) => `request ${50 + i}`),
    )
    const { fields } = await peer.next('flow')
    assert.deepEqual([fields.handle, fields.link_credit, fields.delivery_count], [ANSWERS, 0, 300])
  })

  test('a drain waits for the rest of an answer that the window blocks (2.6.7)', async (t) => {
    const peer = await RawPeer.open(t, target(), { max_frame_size: 512 })
    await links(peer, 0, '$management', 0)
    ask(peer, 0, READ, { message_id: 'x'.repeat(2000) })
    await peer.echo(0)
    const countFlows = (): number =>
      peer.received.filter(({ name, fields }) => name === 'flow' && fields.handle === ANSWERS).length
    peer.credit(0, ANSWERS, 5, { incoming_window: 2, drain: true })
    for (let i = 0; i < 2; i++) await peer.next('transfer')
    await peer.echo(0)
    assert.equal(countFlows(), 0)
    peer.credit(0, ANSWERS, 5, { next_incoming_id: 2, drain: true })
    assert.equal((await peer.next('flow')).fields.delivery_count, 5)
  })

  test('renews the credit of a client that keeps sending requests (2.6.7)', async (t) => {
    const peer = await RawPeer.open(t, target())
    await links(peer, 0, '$management')
    const granted = peer.count('flow')
    for (let i = 0; i < 300; i++) {
      ask(peer, 0, READ)
      assert.equal((await answer(peer)).status, 200)
    }
    assert.ok(peer.count('flow') >= granted + 3)
    // The requests are settled, so they are not acknowledged.
    assert.equal(peer.count('disposition'), 0)
  })

  test('refuses an unknown operation, type or partition, each with its status', async (t) => {
    const peer = await RawPeer.open(t, target())
    await links(peer, 0, '$management')
    for (const [properties, status] of [
      [{ ...READ, operation: 'WRITE' }, 400],
      [{ ...READ, type: 'com.microsoft:namespace' }, 400],
      [{ ...READ, type: 'com.microsoft:partition', partition: '99' }, 400],
      [{ ...READ, name: 'nowhere' }, 404],
      [{}, 400],
    ] as const) {
      ask(peer, 0, properties)
      assert.equal((await answer(peer)).status, status, JSON.stringify(properties))
    }
    assert.deepEqual(await within(createProducer(t, target().connectionString, HUB).getPartitionIds(), 'ids'), ['0'])
  })

  const senderFields = (address: string): Fields => ({
    name: `sender of ${address}`,
    role: false,
    source: terminus.source({ address: 'raw' }).described(),
    target: terminus.target({ address }).described(),
  })
}
