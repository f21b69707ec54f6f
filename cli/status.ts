import { readArguments, runCommand, UsageError } from './arguments.ts'
import { knownServices } from './known-services.ts'
import { addressOf } from './service-address.ts'
import { services } from './services.ts'

const GIVE_UP_AFTER_MS = 60_000

/** What `GET /api/<service>/status` answers: docs/operate.md has it field by field. */
interface StatusAnswer {
  readonly service: string
  readonly relay?: { readonly commits: number; readonly more: boolean; readonly seconds: number }
  readonly consumers: readonly {
    readonly consumer: string
    readonly events: number
    readonly seconds: number
    readonly instances: number
  }[]
  readonly schedule?: { readonly seconds: number }
  readonly parked: readonly { readonly consumer: string; readonly streams: number; readonly messages: number }[]
  readonly canary?: { readonly seconds?: number }
  readonly concerns: readonly string[]
}

/**
 * `npm run status [-- --service NAME] [--json]`: how far the running services are behind, what waits, and what somebody should look at. It
 * ends with 1 where there is something.
 */
async function main(): Promise<void> {
  const { service, json } = readArguments({}, ['json'], ['service'])
  const names = service.length > 0 ? knownServices(service) : services.map(({ name }) => name)
  const all = await Promise.all(names.map(ask))
  if (json) console.log(JSON.stringify(all, null, 2))
  else for (const status of all) tell(status)
  const concerns = all.reduce((sum, each) => sum + each.concerns.length, 0)
  if (!json) console.log(`${all.length} services, ${concerns} things to look at`)
  if (concerns > 0) process.exitCode = 1
}

function tell({ service, relay, consumers, schedule, parked, canary, concerns }: StatusAnswer): void {
  const rows = [
    ...(relay
      ? [[`${service}-relay`, `${relay.commits}${relay.more ? '+' : ''} commits`, `${relay.seconds} s behind`, '']]
      : []),
    ...consumers.map(({ consumer, events, seconds, instances }) => [
      consumer,
      `${events} events`,
      `${seconds} s behind`,
      `${instances} instances`,
    ]),
    ...(schedule ? [[`${service} schedule`, '', `${schedule.seconds} s overdue`, '']] : []),
    ...(canary?.seconds === undefined ? [] : [[`${service} canary`, '', `seen ${canary.seconds} s ago`, '']]),
    ...parked
      .filter(({ streams, messages }) => streams + messages > 0)
      .map(({ consumer, streams, messages }) => [
        `${consumer}: parked`,
        `${streams} streams`,
        `${messages} messages`,
        '',
      ]),
  ]
  for (const [name = '', ...cells] of rows)
    console.log(`${name.padEnd(36)}${cells.map((cell) => cell.padEnd(18)).join('')}`.trimEnd())
  for (const concern of concerns) console.log(`  look at: ${concern}`)
}

async function ask(name: string): Promise<StatusAnswer> {
  const url = `${await addressOf(name)}/api/${name}/status`
  const response = await fetch(url, { signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) }).catch((error: Error) => {
    throw new UsageError(`${url} gave no answer: ${error.message}`)
  })
  const text = await response.text()
  if (response.ok) return JSON.parse(text)
  throw new UsageError(`${url} answered ${response.status}: ${text}`)
}

await runCommand(main)
