import { cpuShares } from '../support/cpu.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import { BODY_BYTES, startBenchedEndpoint } from './endpoint.ts'
import { queueAddress, type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import type { Broker, Rate } from './raw-client.ts'

/**
 * The same non-decoding client with the same bodies, against the emulator and RabbitMQ's AMQP 1.0 plugin, one
 * after the other. An event counts as sent once it is durable and acknowledged. Then all events are received.
 */

/** The maximum number of unacknowledged transfers. */
const WINDOW = 5000
const BATCH = 100
const BATCH_WINDOW = 200
const CREDIT = 10_000
const MAX_EVENTS = 4_000_000

export interface RawRow {
  readonly broker: string
  readonly what: string
  readonly events: number
  readonly seconds: number
  readonly eventsPerSecond: number
  readonly cores: Readonly<Record<string, number>>
}

interface Case {
  readonly broker: string
  readonly name: string
  readonly pid: number
  readonly at: Broker
  readonly sendTo: string
  readonly receiveFrom: string
  readonly perTransfer: number
  readonly numbered: boolean
  /** The ways to receive: settled in advance, or acknowledged by the consumer. */
  readonly receives: readonly ('pre-settled' | 'acknowledged')[]
}

const endpointCase = (name: string, perTransfer: number, pid: number, at: Broker): Case => ({
  broker: 'tidemark',
  name,
  pid,
  at,
  perTransfer,
  numbered: true,
  sendTo: `raw-${perTransfer}/Partitions/0`,
  receiveFrom: `raw-${perTransfer}/ConsumerGroups/$Default/Partitions/0`,
  receives: ['pre-settled'],
})

const queueCase = (rabbit: RabbitMq, queue: string, name: string, receive: 'pre-settled' | 'acknowledged'): Case => ({
  broker: `RabbitMQ ${rabbit.version}`,
  name,
  pid: rabbit.pid,
  at: rabbit.broker,
  perTransfer: 1,
  numbered: false,
  sendTo: queueAddress(queue),
  receiveFrom: queueAddress(queue),
  receives: [receive],
})

export async function benchRaw(options: { readonly seconds: number; readonly rabbit: boolean }): Promise<RawRow[]> {
  const client = await startClient()
  try {
    const rows = await benchEndpoint(client, options.seconds)
    return options.rabbit ? [...rows, ...(await benchRabbitMq(client, options.seconds))] : rows
  } finally {
    await client.stop()
  }
}

async function benchEndpoint(client: ClientProcess, seconds: number): Promise<RawRow[]> {
  const endpoint = await startBenchedEndpoint({ 'raw-1': 1, [`raw-${BATCH}`]: 1 })
  try {
    const single = endpointCase('single messages', 1, endpoint.pid, endpoint.broker)
    const batches = endpointCase(`batches of ${BATCH}`, BATCH, endpoint.pid, endpoint.broker)
    return [...(await measure(client, single, seconds)), ...(await measure(client, batches, seconds))]
  } finally {
    await endpoint.remove()
  }
}

async function benchRabbitMq(client: ClientProcess, seconds: number): Promise<RawRow[]> {
  const rabbit = await startRabbitMq({ classic: 'classic', settled: 'classic', quorum: 'quorum' })
  try {
    const rows: RawRow[] = []
    for (const one of [
      queueCase(rabbit, 'classic', 'classic durable queue', 'acknowledged'),
      queueCase(rabbit, 'settled', 'classic durable queue', 'pre-settled'),
      queueCase(rabbit, 'quorum', 'quorum queue', 'acknowledged'),
    ])
      rows.push(...(await measure(client, one, seconds)))
    return rows
  } finally {
    await rabbit.stop()
  }
}

async function measure(client: ClientProcess, one: Case, seconds: number): Promise<RawRow[]> {
  const pids = { broker: one.pid, client: client.pid }
  const rows: RawRow[] = []
  const row = async (what: string, run: () => Promise<Rate>): Promise<Rate> => {
    process.stderr.write(`${one.broker}, ${one.name}, ${what} …\n`)
    let rate: Rate = { events: 0, seconds: 0 }
    const cores = await cpuShares(pids, async () => {
      rate = await run()
    })
    if (rate.events === 0) throw new Error(`${one.broker}, ${one.name}, ${what}: nothing was measured`)
    const eventsPerSecond = rate.events / rate.seconds
    rows.push({ broker: one.broker, what: `${one.name}, ${what}`, ...rate, eventsPerSecond, cores })
    return rate
  }
  const { events } = await row('in', () =>
    client.run('sendEvents', {
      broker: one.at,
      address: one.sendTo,
      bodyBytes: BODY_BYTES,
      perTransfer: one.perTransfer,
      window: one.perTransfer === 1 ? WINDOW : BATCH_WINDOW,
      seconds,
      maxEvents: MAX_EVENTS,
    }),
  )
  for (const way of one.receives)
    await row(`out, ${way}`, () =>
      client.run('receiveEvents', {
        broker: one.at,
        address: one.receiveFrom,
        bodyBytes: BODY_BYTES,
        events,
        credit: CREDIT,
        acknowledge: way === 'acknowledged',
        numbered: one.numbered,
      }),
    )
  return rows
}

export function printRaw(rows: readonly RawRow[]): void {
  console.log('\nclient without decoding, bodies of 500 bytes, durable')
  console.log(`${'broker'.padEnd(18)}${'what'.padEnd(46)}${'events'.padStart(10)}  events/s   cores: broker, client`)
  for (const { broker, what, events, eventsPerSecond, cores } of rows)
    console.log(
      `${broker.padEnd(18)}${what.padEnd(46)}${String(events).padStart(10)}` +
        `${eventsPerSecond.toFixed(0).padStart(10)}   ` +
        `${Object.values(cores)
          .map((share) => share.toFixed(2))
          .join(' ')}`,
    )
}
