import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { random } from '../../cli/demo/random.ts'
import type { CrashPoint } from '../support/crash.ts'
import { assertEqualToLog, eventCount, underLoad, until } from '../support/load.ts'
import { System } from '../support/system.ts'

const SEED = 7
const points: readonly CrashPoint[] = [
  'after append',
  'after send, before the lease',
  'after a one-stream document',
  'after the view write, before the position',
  'after the position, before the checkpoint',
]

describe('crashes', () => {
  let system: System
  before(async () => {
    system = await System.start()
  })
  after(() => system.remove())

  it('the host dies at every point between two writes: views equal the log, nothing lost, nothing doubled', async () => {
    const log = join(system.dataDir, 'crashes')
    const dice = random(SEED)
    const crashes = points.map((point) => `${point}:${dice.between(2, 20)}`)
    await system.host.stop()
    const promised = await underLoad(system.client, 'host', async () => {
      for (const crash of crashes) {
        const env = { TIDEMARK_TEST_CRASH: crash, TIDEMARK_TEST_CRASH_LOG: log }
        const host = await system.startHost({ preload: { module: 'test/support/crash.ts', env } })
        assert.match(await host.exited, /SIGKILL/)
      }
      await system.startHost()
    })
    const hit = (await readFile(log, 'utf8')).trim().split('\n')
    console.log(`# killed: ${crashes.join(', ')}`)
    assert.deepEqual(hit, points)
    await assertEqualToLog(system.client, system.log, promised)
  })

  for (const name of ['cosmos db', 'event hubs', 'blobs'])
    it(`the process of ${name} dies under load and everything is started again: views equal the log`, async () => {
      const promised = await underLoad(system.client, name, async () => {
        const before = await eventCount(system.log)
        await until('fifty events', async () => (await eventCount(system.log)) > before + 50)
        system.part(name).kill('SIGKILL')
        await system.part(name).exited
        await system.stop()
        await system.startCloud()
        await system.startHost()
      })
      await assertEqualToLog(system.client, system.log, promised)
    })
})
