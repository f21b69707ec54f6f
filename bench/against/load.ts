import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { cpuSeconds } from '../support/cpu.ts'

/**
 * `node bench/against/load.ts FOLDER [--short]` measures a checkout under one client's load, and prints one
 * line of JSON. It uses HTTP. Of that checkout, it imports only what both have: the start of the system, and
 * the shop of bench:cost.
 */

const [folder = '', ...flags] = process.argv.slice(2)
const short = flags.includes('--short')
const from = async (path: string) => import(pathToFileURL(`${folder}/${path}`).href)
const { System } = await from('test/support/system.ts')
const { Shop } = await from('bench/cost/shop.ts')
const { placeBody } = await from('test/support/orders.ts')

const [ORDERS, SECONDS, IDLE_S, DISPATCHES] = short ? [60, 4, 10, 60] : [300, 10, 30, 300]
const CLIENTS = 64
const RATE = 50
/**
 * A new process uses a whole core for its first ten seconds under load, whatever the commit: its code is not yet
 * compiled. Its views fall behind meanwhile, so it is measured apart.
 */
const WARM_S = 15

const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** NaN if the system does not report it: see cpuSeconds. */
const readCpu = (pid: number): number => cpuSeconds(pid) ?? Number.NaN

/** Runs clients that each send one command after another for a while. @returns commands per second. */
async function closedLoop(clients: number, send: (index: number) => Promise<void>, seconds = SECONDS): Promise<number> {
  const end = performance.now() + seconds * 1000
  let sent = 0
  const client = async (): Promise<void> => {
    while (performance.now() < end) await send(sent++)
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: clients }, client))
  return (sent / (performance.now() - started)) * 1000
}

// The setting's former name, in versions before and after the sources moved to packages/.
const LEASES = ['local/host/lease-intervals.ts', 'packages/functions-host/lease-intervals.ts']
const LEASE = 'HOST_LEASE_EXPIRATION_MS'
const isFormer = (file: string): boolean =>
  existsSync(`${folder}/${file}`) && readFileSync(`${folder}/${file}`, 'utf8').includes(`TIDEMARK_${LEASE}`)

/** The renewal interval of claims under `npm start`. Tests shorten it, which costs processor time. */
const TIMES = {
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:30',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:10',
  [`FUNCTIONS_${LEASE}`]: '10000',
  // Other checkouts refuse a setting that they do not know.
  ...(LEASES.some(isFormer) ? { [`TIDEMARK_${LEASE}`]: '10000' } : {}),
}

async function startHost(system: { startHost(options: object): Promise<void> }): Promise<void> {
  // The host's output goes to stderr, apart from the figures.
  await system.startHost({ preload: { env: TIMES }, onOutput: (text: string) => process.stderr.write(text) })
}

async function withSystem<Result>(services: readonly string[] | undefined, task: (system: never) => Promise<Result>) {
  const system = await System.cloudAlone(services ? { services } : {})
  try {
    await startHost(system)
    return await task(system as never)
  } finally {
    await system.remove()
  }
}

const run = Date.now().toString(36)

const all = await withSystem(undefined, async (system: never) => {
  const its = system as {
    host: { pid: number; kill(signal: string): void; exited: Promise<unknown> }
    part(name: string): { pid: number }
    startHost(options: object): Promise<void>
  }
  const shop = new Shop(system)
  await shop.stockUp()
  /** Runs tasks, 16 at a time. @returns tasks per second. */
  const each = async (count: number, task: (index: number) => Promise<unknown>): Promise<number> => {
    let next = 0
    const worker = async (): Promise<void> => {
      while (next < count) await task(next++)
    }
    const started = performance.now()
    await Promise.all(Array.from({ length: 16 }, worker))
    return (count / (performance.now() - started)) * 1000
  }
  const orders = (count: number): Promise<number> => each(count, () => shop.order())
  await orders(ORDERS / 5)
  const before = readCpu(its.host.pid)
  const ordersPerSecond = await orders(ORDERS)
  await pause(2_000)
  const cpuMsPerOrder = ((readCpu(its.host.pid) - before) / ORDERS) * 1000
  await pause(5_000)
  const pids = [its.host.pid, ...['cosmos db', 'event hubs', 'blobs'].map((name) => its.part(name).pid)]
  const used = (): number => pids.reduce((sum, pid) => sum + readCpu(pid), 0)
  const atRest = used()
  await pause(IDLE_S * 1000)
  const idleShareOfACore = (used() - atRest) / IDLE_S

  const ids: string[] = []
  await each(2 * DISPATCHES, async () => void ids.push(await shop.place()))
  for (const id of ids) await shop.shipment(id)
  const dispatchesPerSecond = await each(DISPATCHES, (index) => shop.dispatch(ids[index]))
  const { exited } = its.host
  its.host.kill('SIGKILL')
  await exited
  await startHost(its)
  const afterRestart = await each(DISPATCHES, (index) => shop.dispatch(ids[DISPATCHES + index]))
  return {
    ordersPerSecond,
    cpuMsPerOrder,
    idleShareOfACore,
    dispatchesPerSecond,
    dispatchesAfterRestart: afterRestart / dispatchesPerSecond,
  }
})

const ordering = await withSystem(['ordering'], async (system: never) => {
  const { client } = system as { client: { post(path: string, body: object, headers: object): Promise<never> } }
  const { base } = system as { base: string }
  const place = async (name: string, index: number): Promise<{ id: string; position: string }> => {
    const answer: { status: number; body: { id: string; position: string } } = await client.post('/orders', placeBody, {
      'idempotency-key': `${run}:${name}:${index}`,
    })
    if (answer.status !== 201) throw new Error(`an order got the status ${answer.status}`)
    return answer.body
  }
  /** Places orders at a steady rate. @returns how long each took until a query showed it. */
  const measureToView = async (name: string): Promise<number[]> => {
    const toView: number[] = []
    const started = performance.now()
    const asked = Array.from({ length: RATE * SECONDS }, async (_, index) => {
      await pause(Math.max(0, started + (index / RATE) * 1000 - performance.now()))
      const began = performance.now()
      const { id, position } = await place(name, index)
      const { status } = await fetch(`${base}/orders/${id}?position=${position}`)
      if (status === 200) toView.push(performance.now() - began)
    })
    await Promise.all(asked)
    return toView
  }
  const cold = await measureToView('cold')
  await closedLoop(16, async (index) => void (await place('warm', index)), WARM_S)
  const warm = await measureToView('rate')
  const commandsPerSecond = await closedLoop(CLIENTS, async (index) => void (await place('many', index)))
  return {
    toViewColdP50Ms: middle(cold),
    toViewP50Ms: middle(warm),
    seen: Math.min(cold.length, warm.length),
    commandsPerSecond,
  }
})

const inventory = await withSystem(['inventory'], async (system: never) => {
  type CreateClient = (name: string) => { post: (...args: unknown[]) => Promise<{ status: number }> }
  // Before 168d9f64 the method had another name.
  const { createClient, clientOf } = system as never as { createClient?: CreateClient; clientOf: CreateClient }
  const client = (createClient ?? clientOf).call(system, 'inventory')
  const oneSkuPerSecond = await closedLoop(CLIENTS, async (index) => {
    const { status } = await client.post(
      '/stock/SKU-1/receive',
      { quantity: 1 },
      { 'idempotency-key': `${run}:${index}` },
    )
    if (status >= 300) throw new Error(`a receipt of goods got the status ${status}`)
  })
  return { oneSkuPerSecond }
})

if (ordering.seen === 0) throw new Error('no order reached its view')
console.log(JSON.stringify({ ...all, ...ordering, ...inventory }))
process.exit(0)
