import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { RawItem } from '../../../packages/cli/demo/raw-fold.ts'
import { overtaken } from '../../../packages/test-support/command.ts'
import { until } from '../../../packages/test-support/wait.ts'
import { Replays } from '../../support/replays.ts'
import { call } from '../../support/system.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import type { World } from './world.ts'

/** The last lines of `npm run replay` that fails, with exit code 1. */
export function replays(world: () => World, errors: WitnessedErrors): void {
  const replaying = (...args: readonly string[]) => new Replays(world().system).command(...args)

  for (const [code, ...args] of [
    ['no-way-back', 'ordering', 'order', '--back'],
    ['log-empty', 'inventory', 'stock-level'],
  ] as const)
    it(`${args.join(' ')}: ${code}`, async () => {
      const ended = await replaying(...args).ended
      assert.equal(ended.code, 1)
      errors.commandLine(code, ended.output)
    })

  it('while a live instance does not know the view: instance-outdated', async () => {
    const progress = world().system.log.database.container('progress')
    await progress.items.create({ id: 'old', pk: 'ordering-views', build: 'b', handlers: ['order'], partitions: {} })
    const ended = await replaying('ordering', 'fulfilment').ended
    await progress.item('old', 'ordering-views').delete()
    assert.equal(ended.code, 1)
    errors.commandLine('instance-outdated', ended.output)
  })

  /** The code with which a background rebuild of a view ended. */
  const ended = async (view: string, action: string): Promise<string> => {
    const url = `${new URL(world().system.base).origin}/api/ordering/views`
    assert.equal((await call('POST', `${url}/${view}/${action}`, { body: '{}' })).status, 202)
    const read = async () =>
      (await call('GET', url, {})).body.items.find(({ name }: { name: string }) => name === view).rebuild
    const { code, reason } = await until(`${action} to end`, read, ({ state }) => state !== 'running')
    return `${code}: ${reason}`
  }

  it('a promotion without a built generation: nothing-built', async () => {
    errors.commandLine('nothing-built', await ended('fulfilment', 'promote'))
  })

  it('a promotion of a generation that differs, although it was to be equal: generations-differ', async () => {
    const url = `${new URL(world().system.base).origin}/api/ordering/views`
    const read = async () =>
      (await call('GET', url, {})).body.items.find(({ name }: { name: string }) => name === 'sales-by-product')
    await world().newOrder()
    assert.equal((await call('POST', `${url}/sales-by-product/build`, { body: '{}' })).status, 202)
    const isBuilt = ({ rebuild }: RawItem) => rebuild.state !== 'running'
    const { rebuild } = await until('build to end', read, isBuilt)
    assert.deepEqual([rebuild.state, rebuild.comparison.changed], ['done', 0])
    const [{ key }] = (await call('GET', `${url}/sales-by-product/documents?generation=${rebuild.target}`, {})).body
      .items
    const item = world()
      .system.openContainer('ordering', 'sales-by-product')
      .item('document', `${rebuild.target}|document|${key}`)
    const { resource } = await item.read()
    await item.replace({ ...resource, document: { ...resource.document, damaged: true } })
    errors.commandLine('generations-differ', await ended('sales-by-product', 'promote-if-equal'))
    await ended('sales-by-product', 'abandon')
  })

  it('a promotion of a generation that other code has written: code-differs', async () => {
    assert.match(await ended('sales-by-product', 'build'), /^undefined/)
    const container = world().system.openContainer('ordering', 'sales-by-product')
    const [pointer, codes] = [container.item('pointer', 'pointer'), container.item('codes', 'pointer')]
    const { built } = (await pointer.read()).resource
    const { resource } = await codes.read()
    await codes.replace({ ...resource, codes: { ...resource.codes, [built]: [{ code: 'other', build: 'newer' }] } })
    errors.commandLine('code-differs', await ended('sales-by-product', 'promote'))
    await ended('sales-by-product', 'abandon')
  })

  it('of a view whose cursors are elsewhere than its code says: must-promote', async () => {
    const pointer = world().system.openContainer('ordering', 'sales-by-product').item('pointer', 'pointer')
    const { resource } = await pointer.read()
    await pointer.replace({ ...resource, cursorsIn: 'another' })
    const output = await ended('sales-by-product', 'build')
    await pointer.replace(resource)
    errors.commandLine('must-promote', output)
  })

  it('replaced by a second one of the same view: replay-superseded', async () => {
    await world().newOrder()
    const { earlier, later } = await overtaken(() => replaying('ordering', 'order'))
    assert.equal(later.code, 0, later.output)
    assert.equal(earlier.code, 1)
    errors.commandLine('replay-superseded', earlier.output)
  })
}
