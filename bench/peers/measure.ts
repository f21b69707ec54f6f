import { Latency } from '../../packages/cli/demo/latency.ts'
import { OrderClient, type Placed } from './client.ts'
import type { Contender } from './contender.ts'
import { neverShown } from './shown.ts'

export interface Plan {
  readonly clients: readonly number[]
  /** The duration of each of the two loads, at each number of clients. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How long a view may show no further order before the rest count as lost. */
  readonly giveUpMs: number
}

/** An idle projection takes up to a second to wake up. Orders placed before that are not timed. */
const LEAD_IN_MS = 1_000

/** The result of a contender in one turn with a number of clients. */
export interface Level {
  readonly clients: number
  readonly commandsPerSecond: number
  readonly command: Latency
  /**
   * From the command's answer to the query that shows the order, only for orders seen while their client waited.
   */
  readonly toView: Latency
  /** The orders whose client waited, and how many of them it did not see in the 5 s that a query waits. */
  readonly watched: number
  readonly unseen: number
  readonly placed: number
  /** Orders that are accepted and in the log, but never in the view. */
  readonly lost: number
}

/** One turn of a contender: a fresh start, a measurement with each number of clients, and the end. */
export async function runTurn(contender: Contender, plan: Plan, signal: AbortSignal): Promise<Level[]> {
  const turn = await contender.start()
  const client = new OrderClient(turn.base, signal)
  try {
    const warm = await placing(client, 16, plan.warmUpSeconds)
    await neverShown(client, listIds(warm.placed), plan.giveUpMs)
    const levels: Level[] = []
    for (const clients of plan.clients) levels.push(await measureLevel(client, clients, plan))
    return levels
  } finally {
    client.close()
    await turn.remove()
  }
}

async function measureLevel(client: OrderClient, clients: number, { seconds, giveUpMs }: Plan): Promise<Level> {
  const { placed, command, elapsed } = await placing(client, clients, seconds)
  // Before the next load, so that the wait is not part of it.
  const lost = await neverShown(client, listIds(placed), giveUpMs)
  const { watched, toView, unseen } = await watching(client, clients, seconds)
  const lostToo = await neverShown(client, unseen, giveUpMs)
  return {
    clients,
    commandsPerSecond: placed.length / elapsed,
    command,
    toView,
    watched,
    unseen: unseen.length,
    placed: placed.length + watched,
    lost: lost.length + lostToo.length,
  }
}

const listIds = (placed: readonly Placed[]): string[] => placed.map(({ id }) => id)

/** Each client places one order after another. */
async function placing(client: OrderClient, clients: number, seconds: number) {
  const placed: Placed[] = []
  const command = new Latency()
  const started = performance.now()
  await atOnce(clients, seconds, async () => {
    const begin = performance.now()
    placed.push(await client.place())
    command.add(performance.now() - begin)
  })
  return { placed, command, elapsed: (performance.now() - started) / 1000 }
}

/** Each client places an order, waits until it sees it, and places the next. */
async function watching(client: OrderClient, clients: number, seconds: number) {
  const toView = new Latency()
  const unseen: string[] = []
  let watched = 0
  const counts = performance.now() + LEAD_IN_MS
  await atOnce(clients, seconds + LEAD_IN_MS / 1000, async () => {
    const { id, position } = await client.place()
    const answered = performance.now()
    watched += 1
    if (!(await client.shows(id, position))) unseen.push(id)
    else if (answered > counts) toView.add(performance.now() - answered)
  })
  return { watched, toView, unseen }
}

async function atOnce(clients: number, seconds: number, one: () => Promise<void>): Promise<void> {
  const end = performance.now() + seconds * 1000
  const loop = async (): Promise<void> => {
    while (performance.now() < end) await one()
  }
  await Promise.all(Array.from({ length: clients }, loop))
}
