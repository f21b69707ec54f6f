import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { ContainerRequest } from '@azure/cosmos'
import type { Answer } from '../../../packages/cli/demo/client.ts'
import type { Child } from '../../../packages/kit/child.ts'
import { until } from '../../../packages/test-support/wait.ts'
import { buildRawSuccessor, formatCommitId } from '../../../packages/tidemark/test/support/raw-items.ts'
import { address } from '../../support/orders.ts'
import { call } from '../../support/system.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type World } from './world.ts'

const GENERIC = 'the service failed; its log has the details'

/** Permanent errors: a log with foreign or missing items, and a faulty service. */
export function faults(world: () => World, errors: WitnessedErrors): void {
  /** Compares the answer with its row. The caller gets a generic detail, and the log has the cause. */
  async function fault(code: string, answer: Answer, logged: RegExp): Promise<void> {
    errors.answer(code, answer)
    assert.equal(answer.body.detail, GENERIC)
    await until(`a line of ${logged}`, () => world().lines.some((line) => logged.test(line)))
  }

  describe('a service', () => {
    let host: Child
    before(async () => {
      const env = { ...world().env, FUNCTIONS_HOST_MAIN: 'packages/tidemark/test/domain/notes-functions.ts' }
      host = await world().system.startHost({ preload: { env }, onOutput: world().listen })
    })
    after(() => host.stop())

    async function send(command: string, body: unknown): Promise<Answer> {
      const before = await world().written()
      const answer = await call('POST', `${host.address}/api/notes/1/${command}`, json(body))
      assert.deepEqual(await world().written(), before)
      return answer
    }

    it('whose decider returns an event that does not fit its schema: event-invalid', async () =>
      fault('event-invalid', await send('misspell', {}), /Noted has data that its schema does not name/))

    it('whose decider throws: internal', async () =>
      fault('internal', await send('crash', {}), /TypeError: the decider has a fault/))

    it('whose decider returns an event too large to publish: event-too-large', async () =>
      errors.answer('event-too-large', await send('write', { count: 1, bytes: 1024 * 1024 })))

    it('whose decider returns more events than a command may append: decision-too-large', async () =>
      errors.answer('decision-too-large', await send('write', { count: 501, bytes: 1 })))

    it('whose decider returns more bytes than one item can hold: decision-too-large', async () =>
      errors.answer('decision-too-large', await send('write', { count: 3, bytes: 800_000 })))

    it('with an invalid setting does not start, and names it: setting-invalid', async () => {
      const env = { ...world().env, TIDEMARK_QUERY_WAIT_MS: 'soon' }
      await assert.rejects(
        world().system.startHost({ preload: { env }, onOutput: world().listen }),
        ({ message }: Error) => {
          assert.match(message, /: TIDEMARK_QUERY_WAIT_MS must be a whole number from 1 to 200000, not "soon" /)
          errors.startLine('setting-invalid', message)
          return true
        },
      )
    })
  })

  describe('an app', () => {
    it('with overlapping routes does not start, and names them: registration-invalid', async () => {
      const env = { ...world().env, FUNCTIONS_HOST_MAIN: 'test/support/overlapping-functions.ts' }
      await assert.rejects(
        world().system.startHost({ preload: { env }, onOutput: world().listen }),
        ({ message }: Error) => {
          assert.match(message, /: the routes ordering\/streams\/\{id\}\/state and \S+ match the same paths/)
          errors.startLine('registration-invalid', message)
          return true
        },
      )
    })
  })

  describe('a store', () => {
    it('without the container of a view: container-missing, until it exists', async () => {
      const { database } = world().system.log
      const list = (): Promise<Answer> => world().system.call('GET', '/fulfilments')
      const container = database.container('fulfilment')
      const { resource } = await container.read()
      await container.delete()
      const answer = await until('the instance to ask again', async () => {
        const each = await list()
        return each.status === 503 && each
      })
      errors.answer('container-missing', answer)
      assert.match(answer.body.detail, /^the store has no container ordering\/fulfilment: provision it/)
      assert.ok(resource)
      const { id, partitionKey = '', defaultTtl, indexingPolicy } = resource
      await database.containers.create({ id, partitionKey, defaultTtl, indexingPolicy } as ContainerRequest)
      assert.equal((await list()).status, 200)
    })
  })

  describe('a document', () => {
    it('with a personal text whose key is not there: personal-unreadable', async () => {
      const { id, position } = await world().newOrder()
      const path = `/orders/${id}?position=${encodeURIComponent(position)}`
      assert.equal((await world().system.callOnceSeen('GET', path)).status, 200)
      const documents = world().system.openContainer('ordering', 'order')
      const { resources } = await documents.items.readAll().fetchAll()
      const text = JSON.stringify(resources.find((each) => JSON.stringify(each).includes(`"order-${id}"`)))
      assert.match(text, /~personal:1:ordering:/)
      const { id: item, pk, ...rest } = JSON.parse(text.replaceAll(/:[0-9a-f]{32}\.1:/g, `:${'f'.repeat(32)}.1:`))
      await documents.item(item, pk).replace({ id: item, pk, ...rest })
      const logged = new RegExp(`the container keys has no key ${'f'.repeat(32)}.1`)
      await fault('personal-unreadable', await world().system.call('GET', `/orders/${id}`), logged)
    })
  })

  describe('a log', () => {
    /** A stream of three events that no cache holds, since the functions were restarted. */
    let stream: string
    const item = (version: number) => world().system.log.item(formatCommitId(version), stream)
    before(async () => {
      const order = await world().newOrder()
      stream = order.stream
      for (const city of ['Bruges', 'Ostend']) await move(city)
      await world().system.host.stop()
      await world().startHost()
    })
    const move = (city: string): Promise<Answer> =>
      world().system.call(
        'POST',
        `/orders/${stream.slice('order-'.length)}/change-shipping-address`,
        json({ shippingAddress: { ...address, city } }, { 'idempotency-key': randomUUID() }),
      )
    const state = (): Promise<Answer> => world().system.call('GET', `/streams/${stream}/state`)

    it('without an event: chain-broken for a reader and for a command, which writes nothing', async () => {
      const { resource } = await item(2).read()
      await item(2).delete()
      const before = await world().written()
      await fault('chain-broken', await state(), new RegExp(`${stream}@3 does not follow version 1`))
      errors.answer('chain-broken', await move('Ghent'))
      assert.deepEqual(await world().written(), before)
      await world().system.log.items.create(resource)
      assert.equal((await state()).status, 200)
    })

    it('with an event of an unknown type: event-unknown', async () => {
      const last = (await item(3).read()).resource
      await world().system.log.items.create({ ...buildRawSuccessor(last, 'OrderLost') })
      const answer = await state()
      errors.answer('event-unknown', answer)
      assert.match(
        answer.body.detail,
        /this code does not know OrderLost version \d\. .*deploy that code.*retired\('OrderLost'\)/,
      )
    })

    it('with an item that is neither commit nor receipt: event-unreadable', async () => {
      await world().system.log.items.create({ id: 'note', stream, key: 'note', to: 5 })
      const events = (): Promise<Answer> => world().system.call('GET', `/streams/${stream}/events`)
      const logged = new RegExp(`the log's item ${stream} note cannot be read: it is neither a commit nor a receipt`)
      await fault('event-unreadable', await events(), logged)
    })
  })
}
