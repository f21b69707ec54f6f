import { hasLog } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { ALL_KINDS, type Fault, type FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import { World } from '../../packages/tidemark/test/simulation/world.ts'
import { type CheckCounts, check, startCounts, type Violation } from './check/invariants.ts'
import { Clients } from './shop/client.ts'
import { probe } from './shop/probe.ts'
import { buildScript, type Step } from './shop/script.ts'

/** How long faults and the script last. Milliseconds. */
const FAULTY_MS = 60_000
/** How long the system then has to come to rest, which exceeds all its waiting times. Milliseconds. */
const CALM_MS = 3_600_000
/**
 * For how many lag checks it must stay at rest after a checkpoint was moved, since they find the skipped messages.
 */
const LAG_CHECKS = 3

/** A history, or a part of one. */
export interface HistoryOptions {
  readonly seed: number
  readonly kinds?: ReadonlySet<FaultKind>
  /** The ids of the faults that may happen; undefined allows all. */
  readonly faults?: readonly string[]
  /** The steps of the script to take; undefined takes all. */
  readonly steps?: readonly number[]
  /** The largest number of processes of a service. */
  readonly maxProcesses?: number
  readonly keepsLines?: boolean
}

export interface History {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** The faults that happened. */
  readonly faults: readonly Fault[]
  /** The steps that were taken. */
  readonly steps: readonly number[]
  readonly maxProcesses: number
  readonly script: readonly Step[]
  /** Distinguishes histories. */
  readonly hash: string
  readonly lines: readonly string[]
  /** The numbers of its moments and events. */
  readonly moments: number
  readonly events: number
  readonly looked: CheckCounts
}

/** A service that only follows others reads archives, which this world does not have. */
const shop = services.filter(hasLog)

/** Runs one history, and checks the invariants at its end. */
export async function runHistory(options: HistoryOptions): Promise<History> {
  const { seed, kinds = ALL_KINDS, maxProcesses = 3, keepsLines = false } = options
  const script = buildScript(seed, FAULTY_MS)
  const world = new World({
    seed,
    services: [...shop, probe],
    kinds,
    maxProcesses,
    keepsLines,
    faultyMs: FAULTY_MS,
    busyAt: script.map(({ at }) => at),
    ...(options.faults ? { only: new Set(options.faults) } : {}),
  })
  const clients = new Clients(world)
  const steps = [...script.entries()].filter(([index]) => options.steps?.includes(index) ?? true)
  clients.follow(steps)
  const { ground } = world
  const began = ground.now
  await world.run(() => ground.now - began > FAULTY_MS, Number.POSITIVE_INFINITY)
  world.calm()
  await settle(world, clients)
  const looked = startCounts()
  const violations = await check(world, clients, looked)
  return {
    seed,
    violations,
    faults: ground.faults.happened,
    steps: steps.map(([index]) => index),
    maxProcesses,
    script,
    hash: ground.trace.hash,
    lines: ground.trace.lines,
    moments: ground.timeline.passed,
    events: [...world.stores.values()].reduce((sum, { log }) => sum + log.all().length, 0),
    looked,
  }
}

/** Lets the system come to rest, and the warehouse take recalled goods back. */
async function settle(world: World, clients: Clients): Promise<void> {
  const { ground, settings } = world
  const until = ground.now + CALM_MS
  const needsLagCheck = ground.faults.happened.some(({ kind }) => kind === 'skip' || kind === 'expire')
  const isAtRest = (): boolean => clients.open === 0 && world.isAtRest
  for (let round = 1; await world.run(isAtRest, until); round += 1) {
    // Only lag checks find what these faults caused.
    if (needsLagCheck && round === 1) {
      const rested = ground.now + LAG_CHECKS * settings.lagCheckSeconds * 1000
      await world.run(() => ground.now >= rested && isAtRest(), until)
    }
    const recalled = listRecalled(world)
    if (recalled.length === 0) return
    for (const id of recalled) {
      const command = { type: 'return', data: { reason: 'recalled' } }
      const step = { at: 0, service: 'shipping', category: 'shipment', id, command } as const
      clients.do(`recalled ${id} ${round}`, { ...step, waits: false, twice: false, reused: false, reads: false })
    }
  }
}

/** The orders whose recalled goods are still on their way. */
function listRecalled(world: World): readonly string[] {
  const last = new Map(
    world
      .findStores('shipping')
      .log.all()
      .map(({ stream, type }) => [stream, type]),
  )
  return [...last].filter(([, type]) => type === 'ShipmentRecalled').map(([stream]) => stream.slice('shipment-'.length))
}
