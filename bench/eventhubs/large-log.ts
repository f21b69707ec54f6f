import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { residentBytes } from '../../packages/event-hubs/test/emulator.ts'
import { cpuShares } from '../support/cpu.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import { type BenchedEndpoint, BODY_BYTES, startBenchedEndpoint } from './endpoint.ts'
import { openSession } from './raw-client.ts'

/** A log larger than memory: how soon the emulator serves it after a start, and how much memory that takes. */

const HUB = 'large'
const PARTITIONS = 4
const BATCH = 100
/** The size of an event of 500 bytes in the log, slightly underestimated. */
const EVENT_BYTES = 520
const STARTS = 5
const MEGABYTE = 1024 * 1024

export interface StartTimes {
  /** From before the fork to the emulator's `ready`, and to a session with a client, in milliseconds. */
  readonly toReady: number
  readonly toSession: number
}

export interface Phase {
  readonly what: string
  readonly eventsPerSecond: number
  /** The resident memory at the end, and its maximum; NaN without /proc. */
  readonly megabytes: number
  readonly peakMegabytes: number
  readonly endpointCores: number
}

export interface LargeLog {
  readonly logMegabytes: number
  /** A Node process that only prints `ready`: the lower limit for any emulator. */
  readonly bareNodeMs: number
  readonly emptyLog: StartTimes
  readonly starts: readonly StartTimes[]
  readonly phases: readonly Phase[]
}

export async function benchLargeLog(options: {
  readonly megabytes: number
  readonly seconds: number
}): Promise<LargeLog> {
  const bareNodeMs = await bareNode()
  const clients = await Promise.all(Array.from({ length: PARTITIONS }, startClient))
  const startedAt = performance.now()
  let endpoint = await startBenchedEndpoint({ [HUB]: PARTITIONS })
  try {
    const emptyLog = await measureTimes(endpoint, startedAt)
    const phases: Phase[] = []
    const each = Math.ceil((options.megabytes * MEGABYTE) / EVENT_BYTES / PARTITIONS / BATCH) * BATCH
    process.stderr.write(`${each * PARTITIONS} events …\n`)
    phases.push(await phase('filling', endpoint, () => produce(clients, endpoint, { maxEvents: each, seconds: 3600 })))
    const starts: StartTimes[] = []
    for (let i = 0; i < STARTS; i++) {
      await endpoint.stop()
      const started = performance.now()
      endpoint = await endpoint.start()
      starts.push(await measureTimes(endpoint, started))
    }
    const { dataBytes } = endpoint
    const logMegabytes = (await dataBytes()) / MEGABYTE
    process.stderr.write('idle, consuming, producing …\n')
    phases.push(await phase('idle after a start', endpoint, async () => 0))
    phases.push(await phase('consuming all of it', endpoint, () => consume(clients, endpoint, each)))
    const load = { maxEvents: Number.MAX_SAFE_INTEGER, seconds: options.seconds }
    phases.push(await phase('producing', endpoint, () => produce(clients, endpoint, load)))
    return { logMegabytes, bareNodeMs, emptyLog, starts, phases }
  } finally {
    await Promise.all(clients.map((client) => client.stop()))
    await endpoint.remove()
  }
}

async function bareNode(): Promise<number> {
  const startedAt = performance.now()
  const child = fork('--eval', ["process.send('ready')"], { execPath: process.execPath, execArgv: [] })
  await once(child, 'message')
  const took = performance.now() - startedAt
  child.kill('SIGKILL')
  await once(child, 'exit')
  return took
}

async function measureTimes(endpoint: BenchedEndpoint, startedAt: number): Promise<StartTimes> {
  const toReady = performance.now() - startedAt
  await openSession(endpoint.broker)
  return { toReady, toSession: performance.now() - startedAt }
}

/** @param run returns the number of events it moved. */
async function phase(what: string, endpoint: BenchedEndpoint, run: () => Promise<number>): Promise<Phase> {
  const { pid } = endpoint
  await resetPeak(pid)
  const startedAt = performance.now()
  let events = 0
  const { endpoint: endpointCores = Number.NaN } = await cpuShares({ endpoint: pid }, async () => {
    events = await run()
  })
  return {
    what,
    eventsPerSecond: (events * 1000) / (performance.now() - startedAt),
    megabytes: await readMegabytes(pid, 'VmRSS'),
    peakMegabytes: await readMegabytes(pid, 'VmHWM'),
    endpointCores,
  }
}

/** proc(5), clear_refs: 5 sets VmHWM to what is resident now. */
async function resetPeak(pid: number): Promise<void> {
  if (process.platform === 'linux') await writeFile(`/proc/${pid}/clear_refs`, '5')
}

async function readMegabytes(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  return process.platform === 'linux' ? (await residentBytes(pid, field)) / MEGABYTE : Number.NaN
}

/** Produces with one client per partition, all at once. */
async function produce(
  clients: readonly ClientProcess[],
  { broker }: BenchedEndpoint,
  until: { readonly maxEvents: number; readonly seconds: number },
): Promise<number> {
  const rates = await Promise.all(
    clients.map((client, partition) =>
      client.run('sendEvents', {
        broker,
        address: `${HUB}/Partitions/${partition}`,
        bodyBytes: BODY_BYTES,
        perTransfer: BATCH,
        window: 100,
        ...until,
      }),
    ),
  )
  return rates.reduce((sum, { events }) => sum + events, 0)
}

async function consume(
  clients: readonly ClientProcess[],
  { broker }: BenchedEndpoint,
  events: number,
): Promise<number> {
  const rates = await Promise.all(
    clients.map((client, partition) =>
      client.run('receiveEvents', {
        broker,
        address: `${HUB}/ConsumerGroups/$Default/Partitions/${partition}`,
        bodyBytes: BODY_BYTES,
        events,
        credit: 10_000,
        acknowledge: false,
        numbered: true,
      }),
    ),
  )
  return rates.reduce((sum, rate) => sum + rate.events, 0)
}

export function printLargeLog({ logMegabytes, bareNodeMs, emptyLog, starts, phases }: LargeLog): void {
  console.log(`\na log of ${logMegabytes.toFixed(0)} MB in ${PARTITIONS} partitions`)
  console.log('start, ms        to ready  to a session')
  const line = (name: string, { toReady, toSession }: StartTimes): void =>
    console.log(`${name.padEnd(14)}${toReady.toFixed(0).padStart(11)}${toSession.toFixed(0).padStart(14)}`)
  console.log(`${'Node alone'.padEnd(14)}${bareNodeMs.toFixed(0).padStart(11)}`)
  line('empty log', emptyLog)
  for (const [index, times] of starts.entries()) line(`start ${index + 1}`, times)
  console.log('\nmemory, MB              at the end  maximum  events/s  emulator cores')
  for (const { what, megabytes, peakMegabytes, eventsPerSecond, endpointCores } of phases)
    console.log(
      `${what.padEnd(22)}${megabytes.toFixed(0).padStart(12)}${peakMegabytes.toFixed(0).padStart(9)}` +
        `${eventsPerSecond.toFixed(0).padStart(10)}${endpointCores.toFixed(2).padStart(16)}`,
    )
}
