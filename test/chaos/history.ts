import { services as shop } from '../../packages/cli/project/config.ts'
import { ALL_KINDS, type Fault, type FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import { World } from '../../packages/tidemark/test/simulation/world.ts'
import { type CheckCounts, check, startCounts, type Violation } from './check/invariants.ts'
import { Clients } from './shop/client.ts'
import { probe } from './shop/probe.ts'
import { buildScript, type Step } from './shop/script.ts'

/** How long things go wrong, in which everybody does what they do. Milliseconds. */
const FAULTY_MS = 60_000
/** How long the system then has to come to rest: longer than anything waits for anything. Milliseconds. */
const CALM_MS = 3_600_000
/**
 * How many checks of the lag it must stay at rest for, where a checkpoint was moved: they find what was
 * passed over.
 */
const LAG_CHECKS = 3

/** A history, or a part of one. */
export interface HistoryOptions {
  readonly seed: number
  readonly kinds?: ReadonlySet<FaultKind>
  /** The ids of the faults that happen; without it all do. */
  readonly faults?: readonly string[]
  /** Which steps of the script are taken; without it all are. */
  readonly steps?: readonly number[]
  /** The most processes of a service. */
  readonly maxProcesses?: number
  readonly keepsLines?: boolean
}

export interface History {
  readonly seed: number
  readonly violations: readonly Violation[]
  /** What went wrong on purpose. */
  readonly faults: readonly Fault[]
  /** The steps that were taken. */
  readonly steps: readonly number[]
  readonly maxProcesses: number
  readonly script: readonly Step[]
  /** Tells histories apart. */
  readonly hash: string
  readonly lines: readonly string[]
  /** Moments, events and messages that it had. */
  readonly moments: number
  readonly events: number
  readonly looked: CheckCounts
}

/** Lets one history happen, and checks what must hold at its end. */
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

/** Lets the system come to rest, and the warehouse take back what is recalled. */
async function settle(world: World, clients: Clients): Promise<void> {
  const { ground, settings } = world
  const until = ground.now + CALM_MS
  const needsLagCheck = ground.faults.happened.some(({ kind }) => kind === 'skip' || kind === 'expire')
  const isAtRest = (): boolean => clients.open === 0 && world.isAtRest
  for (let round = 1; await world.run(isAtRest, until); round += 1) {
    // Only what went wrong is found by them.
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

/** The orders whose goods are on their way although nobody wants them. */
function listRecalled(world: World): readonly string[] {
  const last = new Map(
    world
      .findStores('shipping')
      .log.all()
      .map(({ stream, type }) => [stream, type]),
  )
  return [...last].filter(([, type]) => type === 'ShipmentRecalled').map(([stream]) => stream.slice('shipment-'.length))
}
