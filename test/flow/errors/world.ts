import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { it } from 'node:test'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { placeBody } from '../../support/orders.ts'
import { type CallOptions, System } from '../../support/system.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'

/** The running system of the tests, with its store behind a proxy that can fail. */
export class World {
  readonly system: System
  readonly proxy: FaultProxy
  #printed = ''

  private constructor(system: System, proxy: FaultProxy) {
    this.system = system
    this.proxy = proxy
  }

  static async start(): Promise<World> {
    const system = await System.cloudAlone({ services: ['ordering'] })
    const proxy = await FaultProxy.start(system.part('cosmos db').address)
    const world = new World(system, proxy)
    await world.startHost()
    return world
  }

  async startHost(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const env = { ...this.env, TIDEMARK_QUERY_WAIT_MS: '300', TIDEMARK_ARCHIVE_SECONDS: '1', ...more }
    await this.system.startHost({ preload: { env }, onOutput: this.listen })
  }

  /** The settings of functions that reach the store through the proxy. */
  get env(): Record<string, string> {
    const { CosmosConnection = '' } = this.system.settings
    const { address } = this.system.part('cosmos db')
    assert.ok(CosmosConnection.includes(address), CosmosConnection)
    return { CosmosConnection: CosmosConnection.replace(address, this.proxy.address) }
  }

  readonly listen = (text: string): void => {
    process.stdout.write(text)
    this.#printed += text
  }

  /** The lines that the functions have logged. */
  get lines(): readonly string[] {
    return this.#printed.split('\n')
  }

  /**
   * All items that requests wrote to the raw log, read directly from the store. Fulfilments are left out,
   * since they follow orders at any time.
   */
  async written(): Promise<readonly unknown[]> {
    const { resources } = await this.system.log.items.readAll().fetchAll()
    const asked = resources.filter(({ stream }) => !stream.startsWith('fulfilment-'))
    return asked.map(({ id, stream, _etag }) => `${stream} ${id} ${_etag}`).toSorted()
  }

  /** The version ranges of a stream's commits in the raw log, and its number of receipts. */
  async stream(
    stream: string,
  ): Promise<{ readonly commits: readonly (readonly number[])[]; readonly receipts: number }> {
    const { resources } = await this.system.log.items.readAll({ partitionKey: stream }).fetchAll()
    const commits = resources.filter(({ to }) => to !== undefined).map(({ from, to }) => [from, to])
    return { commits: commits.toSorted(([a], [b]) => a - b), receipts: resources.length - commits.length }
  }

  async remove(): Promise<void> {
    await this.system.remove()
    await this.proxy.stop()
  }

  /** Places an order. */
  async newOrder(): Promise<{ readonly id: string; readonly stream: string; readonly position: string }> {
    const { status, body } = await this.system.client.post('/orders', placeBody, { 'idempotency-key': randomUUID() })
    assert.equal(status, 201, JSON.stringify(body))
    return { id: body.id, stream: `order-${body.id}`, position: body.position }
  }
}

export const json = (body: unknown, headers: Readonly<Record<string, string>> = {}): CallOptions => ({
  body: JSON.stringify(body),
  headers,
})

/** A request, and the code of its refusal. A path may depend on the world's state. */
export type Refusal = readonly [
  what: string,
  code: string,
  method: string,
  path: string | (() => string),
  options?: CallOptions,
]

/** One test for each: the answer is the documented problem, and nothing is written. */
export function refusals(world: () => World, errors: WitnessedErrors, cases: readonly Refusal[]): void {
  for (const [what, code, method, path, options] of cases)
    it(`${what}: ${code}`, async () => {
      const before = await world().written()
      const answer = await world().system.call(method, typeof path === 'string' ? path : path(), options)
      errors.answer(code, answer)
      if (answer.status === 405) assert.match(answer.headers.get('allow') ?? '', /GET|POST/)
      assert.deepEqual(await world().written(), before)
    })
}
