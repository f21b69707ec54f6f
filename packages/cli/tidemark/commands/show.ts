import type { Command } from 'commander'
import type { EventAnswer, StateAnswer } from '../../api/answers.ts'
import { apiCommand, type Context, whole } from '../command/api-command.ts'
import { findOwner } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import type { Column } from '../output/table.ts'

const EVENT_COLUMNS: readonly Column[] = [
  { title: 'version', right: true },
  { title: 'time' },
  { title: 'type' },
  { title: 'actor', flexible: true },
  { title: 'causation', flexible: true },
  { title: 'data', flexible: true },
]

interface Options {
  readonly version?: number
  readonly at?: string
  readonly events?: boolean
}

/** Adds `tidemark show <stream>`. Only the state goes to stdout, as JSON; its position goes to stderr. */
export function addShow(program: Command): void {
  const command = program
    .command('show')
    .description('the state of a stream, now or in the past')
    .argument('<stream>', 'such as order-1')
    .option('--version <n>', 'the state at this version', whole)
    .option('--at <time>', 'the state at this time: 2026-01-31T12:00:00Z')
    .option('--events', 'also show its events')
    .addHelpText('after', examples('show order-1', 'show order-1 --version 2', 'show order-1 --events --json'))
  apiCommand(command, show)
}

async function show(context: Context, { version, at, events: withEvents }: Options, stream = ''): Promise<undefined> {
  const { output } = context
  const api = context.api(findOwner(stream))
  const path = `streams/${encodeURIComponent(stream)}`
  const answer = await api.get<StateAnswer>(`${path}/state`, { version, at })
  const events: EventAnswer[] = []
  if (withEvents)
    for await (const event of api.items<EventAnswer>(`${path}/events`, { limit: 100 }, 'after')) {
      if (event.version > answer.version) break
      events.push(event)
      output.progress(`${events.length} events`)
    }
  if (output.json) {
    output.value(withEvents ? { ...answer, events } : answer)
    return
  }
  output.remark(`${answer.stream}@${answer.version} at ${answer.time}, hash ${answer.hash}`)
  output.value(answer.state)
  if (!withEvents) return
  output.line()
  output.table(
    EVENT_COLUMNS,
    events.map(({ version, time, type, actor, causation, data }) => [
      ...[version, time, type, actor, causation, JSON.stringify(data)],
    ]),
  )
}
