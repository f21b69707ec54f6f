import { Latency } from '../../packages/cli/demo/latency.ts'
import { OrderClient, type Placed } from './client.ts'
import type { Contender } from './contender.ts'
import { neverShown } from './shown.ts'

export interface Plan {
  readonly clients: readonly number[]
  /** Of each of the two loads, at each number of clients. */
  readonly seconds: number
  readonly warmUpSeconds: number
  /** How long a view may show no further order before the rest count as lost. */
  readonly giveUpMs: number
}

/** A projection that was idle wakes up to a second later: what is placed so early is not timed. */
const LEAD_IN_MS = 1_000

/** What a contender did in one turn with so many clients. */
export interface Level {
  readonly clients: number
  readonly commandsPerSecond: number
  readonly command: Latency
  /**
   * From the command's answer to that of the query that shows the order; those alone that were seen while
   * their client waited.
   */
  readonly toView: Latency
  /** Of those whose client waited, how many it did not see in the 5 s that a query of both waits. */
  readonly watched: number
  readonly unseen: number
  readonly placed: number
  /** Accepted and in the log, and never in the view. */
  readonly lost: number
}

/** One turn of a contender: started afresh, measured with each number of clients, ended. */
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
  // Before the next load, as its waits are to be its own.
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

/** Each client places one order after the other. */
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

/** Each client places an order and waits until it sees it, then the next. */
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
