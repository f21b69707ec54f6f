import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from '../../packages/cli/demo/client.ts'
import { random } from '../../packages/cli/demo/random.ts'
import type { Child } from '../../packages/kit/child.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'
import { assertEqualToLogs, underLoad } from '../support/load.ts'
import { System } from '../support/system.ts'

export interface CloudChaos {
  readonly seed: number
  readonly minutes: number
  /** Receives the progress, line by line. */
  readonly tell: (line: string) => void
  /** Called before each kill. */
  readonly isStopped: () => boolean
}

/** Hosts that run all services side by side. */
const HOSTS = 2
/** The longest time between two kills, and before a killed host is restarted. Milliseconds. */
const PEACE_MS = 8_000
const AWAY_MS = 5_000

/** The shares of requests that the emulators let fail, in the form of their control endpoints. */
const STORE_FAULTS = [
  { kind: 'throttle', rate: 0.01 },
  { kind: 'unavailable', rate: 0.005 },
  { kind: 'drop-before-commit', rate: 0.003 },
  { kind: 'drop-after-commit', rate: 0.003 },
  { kind: 'latency', rate: 0.05, minMs: 1, maxMs: 200 },
]
const HUB_FAULTS = {
  serverBusy: 0.01,
  dropBeforeStore: 0.005,
  dropBeforeAck: 0.005,
  dropAfterAck: 0.005,
  drop: 0.002,
  steal: 0.001,
  duplicates: { rate: 0.3, events: 20 },
}

/**
 * The slower kind of chaos. Real hosts run on the local cloud over the real protocols, with customers, banks
 * and a warehouse. Hosts are killed with kill -9 at random, and the emulators refuse, drop, steal and
 * duplicate. The seed decides which host dies when, but not what it was doing then. At the end, the views and
 * the services' agreement are compared with the logs.
 * @returns the number of killed hosts. @throws AssertionError if anything was lost or done twice.
 */
export async function cloudChaos({ seed, minutes, tell: report, isStopped }: CloudChaos): Promise<number> {
  const dice = random(seed)
  process.env.COSMOS_EMULATOR_CONTROL_PORT = '0'
  process.env.EVENT_HUBS_EMULATOR_CONTROL_PORT = '0'
  const system = await System.cloudAlone({ soon: true })
  try {
    const ports = await Promise.all(Array.from({ length: HOSTS }, freePort))
    const start = (port: number): Promise<Child> => system.startHost({ port, onOutput: () => {} })
    const hosts = await Promise.all(ports.map(start))
    const [front] = ports
    // Customers know one address, and retry while its host is down.
    const at = (service: string): Client => new Client(`http://127.0.0.1:${front}/api/${service}`, WAIT_MS)
    const shops = {
      ordering: at('ordering'),
      inventory: at('inventory'),
      payments: at('payments'),
      shipping: at('shipping'),
    }
    const logs = {
      ordering: system.openLog('ordering'),
      inventory: system.openLog('inventory'),
      payments: system.openLog('payments'),
      shipping: system.openLog('shipping'),
    }
    let killed = 0
    const until = performance.now() + minutes * 60_000
    const setFaults = async (
      storeFaults: typeof STORE_FAULTS,
      hubFaults: Partial<typeof HUB_FAULTS>,
    ): Promise<void> => {
      await control(system, 'cosmos', { seed, faults: storeFaults })
      await control(system, 'eventhubs', { seed, ...hubFaults })
    }
    await setFaults(STORE_FAULTS, HUB_FAULTS)
    const promised = await underLoad(shops, `chaos ${seed}`, async () => {
      while (performance.now() < until && !isStopped()) {
        await delay(dice.next() * PEACE_MS)
        const index = dice.between(0, HOSTS - 1)
        const host = hosts[index]
        host?.kill('SIGKILL')
        await host?.exited
        killed += 1
        report(`killed           host ${index + 1}, ${killed} so far`)
        await delay(dice.next() * AWAY_MS)
        hosts[index] = await start(ports[index] ?? 0)
      }
    })
    const store = (await control(system, 'cosmos')) as { readonly counts: readonly number[] }
    report(`the store        ${STORE_FAULTS.map(({ kind }, index) => `${kind} ${store.counts[index]}`).join(', ')}`)
    const hubs = (await control(system, 'eventhubs')) as {
      readonly namespaces: readonly { readonly counts: unknown }[]
    }
    report(`the hubs         ${JSON.stringify(hubs.namespaces.map(({ counts }) => counts))}`)
    await setFaults([], {})
    report('faults end: the services have time to agree')
    await assertEqualToLogs(shops, logs, promised)
    return killed
  } finally {
    await system.remove()
  }
}

/** Sets the faults of an emulator, or reads their counts. @returns its answer. */
async function control(system: System, folder: 'cosmos' | 'eventhubs', faults?: unknown): Promise<unknown> {
  const { address } = JSON.parse(await readFile(join(system.dataDir, folder, 'control.json'), 'utf8'))
  const response = await fetch(`${address}/faults`, {
    method: faults === undefined ? 'GET' : 'PUT',
    ...(faults === undefined ? {} : { body: JSON.stringify(faults), headers: { 'content-type': 'application/json' } }),
  })
  if (!response.ok) throw new Error(`the control endpoint of ${folder} answered ${response.status}`)
  return response.json()
}
