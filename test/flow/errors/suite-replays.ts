import assert from 'node:assert/strict'
import { it } from 'node:test'
import { overtaken } from '../../support/command.ts'
import { Replays } from '../../support/replays.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import type { World } from './world.ts'

/** What `npm run replay` ends with: a line of its own, and exit code 1. */
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

  it('an instance that lives does not know the view: instance-outdated', async () => {
    const progress = world().system.log.database.container('progress')
    await progress.items.create({ id: 'old', pk: 'ordering-views', build: 'b', handlers: ['order'], partitions: {} })
    const ended = await replaying('ordering', 'fulfilment').ended
    await progress.item('old', 'ordering-views').delete()
    assert.equal(ended.code, 1)
    errors.commandLine('instance-outdated', ended.output)
  })

  it('a second one of the same view begins: replay-superseded', async () => {
    await world().newOrder()
    const { earlier, later } = await overtaken(() => replaying('ordering', 'order'))
    assert.equal(later.code, 0, later.output)
    assert.equal(earlier.code, 1)
    errors.commandLine('replay-superseded', earlier.output)
  })
}
