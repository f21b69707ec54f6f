import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { FAST_RECOVERY } from '../packages/kit/fast-recovery.ts'
import { placeBody } from '../test/support/orders.ts'
import { System } from '../test/support/system.ts'

/**
 * How long views stand still after the only instance of a service was killed and another was started at once.
 * It measures until the first event recorded after the kill is in its view, and until events of every
 * partition are. It uses the times of host.json and of the relay's lease, as in Azure, and the fast ones of
 * `npm start`.
 */

const RUNS = process.argv.includes('--short') ? 1 : 3
/** Enough for all eight partitions, almost certainly. */
const ORDERS = 48
const ASK_EVERY_MS = 100

/** Without these settings, the local host uses the times of host.json and of the triggers. */
const REAL = Object.fromEntries(Object.keys(FAST_RECOVERY).map((name) => [name, undefined]))

interface Result {
  readonly times: 'real' | 'fast'
  readonly firstSeconds: number
  readonly allSeconds: number
}

async function measure(times: Result['times']): Promise<Result> {
  const env = times === 'real' ? REAL : FAST_RECOVERY
  const system = await System.cloudAlone({ services: ['ordering'] })
  try {
    const killed = await system.startHost({ preload: { env } })
    const place = async (): Promise<string> => {
      const { body } = await system.client.post('/orders', placeBody, { 'idempotency-key': randomUUID() })
      return `/orders/${body.id}?position=${encodeURIComponent(body.position)}`
    }
    // Waits until every partition and the relay's lease have an owner.
    for (const path of await Promise.all(Array.from({ length: ORDERS }, place))) await system.client.get(path)

    const began = performance.now()
    killed.kill('SIGKILL')
    await killed.exited
    await system.startHost({ preload: { env } })
    const paths = await Promise.all(Array.from({ length: ORDERS }, place))
    let first = Number.POSITIVE_INFINITY
    const seen = async (path: string): Promise<void> => {
      while ((await fetch(system.base + path)).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
      first = Math.min(first, performance.now() - began)
    }
    await Promise.all(paths.map(seen))
    return { times, firstSeconds: first / 1000, allSeconds: (performance.now() - began) / 1000 }
  } finally {
    await system.remove()
  }
}

const results: Result[] = []
for (let run = 1; run <= RUNS; run += 1)
  for (const times of ['fast', 'real'] as const) {
    process.stderr.write(`${times} times, run ${run} of ${RUNS} …\n`)
    results.push(await measure(times))
  }

const seconds = (values: readonly number[]): string =>
  `${(values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN).toFixed(1)} ` +
  `(${Math.min(...values).toFixed(1)}–${Math.max(...values).toFixed(1)})`
console.log('| times | kill -9 to the first event seen, s | to events of every partition, s |\n|---|---|---|')
for (const times of ['fast', 'real'] as const) {
  const of = results.filter((result) => result.times === times)
  console.log(
    `| ${times} | ${seconds(of.map((each) => each.firstSeconds))} | ${seconds(of.map((each) => each.allSeconds))} |`,
  )
}
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/recovery.json', `${JSON.stringify({ runs: RUNS, results }, null, 2)}\n`)
