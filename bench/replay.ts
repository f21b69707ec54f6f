import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { compose } from 'tidemark/azure-functions'
import { runWorkload } from '../packages/cli/demo/workload.ts'
import { ordering } from '../src/ordering/service.ts'
import { System } from '../test/support/system.ts'

/**
 * The speed of a rebuild with no other load: each view is rebuilt from the log of a seeded workload. `build`
 * is the reading of the whole log. The rest of the total is the promotion, which waits for other instances
 * whether or not there are any, and the removal of old generations.
 */

const orders = process.argv.includes('--short') ? 200 : 2_000

interface Result {
  readonly view: string
  readonly move: 'replay' | 'back'
  readonly events: number
  readonly buildSeconds: number
  readonly eventsPerSecond: number
  readonly totalSeconds: number
}

async function measure(system: System): Promise<Result[]> {
  const { rebuildView: replay, rollBack: goBack } = compose(ordering, system.settings)
  const results: Result[] = []
  for (const view of ordering.views)
    for (const [move, run] of [
      ['replay', replay],
      ['back', goBack],
    ] as const) {
      let [begun, handover] = [0, 0]
      const started = performance.now()
      process.stderr.write(`${move} of ${view.name} …\n`)
      const { events } = await run(view, {
        begin() {
          begun = performance.now()
        },
        read() {},
        stage(stage) {
          if (stage === 'handover') handover = performance.now()
        },
      })
      const buildSeconds = (handover - begun) / 1000
      const totalSeconds = (performance.now() - started) / 1000
      results.push({
        view: view.name,
        move,
        events,
        buildSeconds,
        eventsPerSecond: events / buildSeconds,
        totalSeconds,
      })
    }
  return results
}

const system = await System.start({ services: ['ordering'] })
let results: Result[]
try {
  process.stderr.write(`${orders} orders …\n`)
  await runWorkload(system.client, { orders, seed: 1, concurrency: 16, run: randomUUID() }, () => {})
  results = await measure(system)
} finally {
  await system.remove()
}

if (results.length === 0 || results.some(({ events }) => events === 0)) throw new Error('nothing was measured')
console.log('view              move       events  build s  events/s  total s')
for (const { view, move, events, buildSeconds, eventsPerSecond, totalSeconds } of results)
  console.log(
    `${view.padEnd(17)} ${move.padEnd(8)} ${String(events).padStart(8)} ` +
      `${buildSeconds.toFixed(1).padStart(8)} ${eventsPerSecond.toFixed(0).padStart(9)} ` +
      `${totalSeconds.toFixed(1).padStart(8)}`,
  )
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/replay.json', `${JSON.stringify(results, null, 2)}\n`)
console.log('\nbench/results/replay.json')
