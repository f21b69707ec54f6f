import type { Command } from 'commander'
import type { StatusAnswer } from '../../api/answers.ts'
import { apiCommand, askEach, type Context, serviceOption } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import type { Cell } from '../output/table.ts'

interface Options {
  readonly service?: readonly string[]
}

export function addLag(program: Command): void {
  const command = program
    .command('lag')
    .description(
      'the lag of relays and consumers, what is parked, and what to look at; exits with 1 if there is something',
    )
    .addOption(serviceOption())
    .addHelpText('after', examples('lag', 'lag --service ordering', 'lag --json'))
  apiCommand(command, lag)
}

async function lag(context: Context, { service }: Options): Promise<number> {
  const { output } = context
  const { answers, missing } = await askEach(context, service ?? context.services, (api) =>
    api.get<StatusAnswer>('status'),
  )
  const all = answers.map(({ answer }) => answer)
  const concerns = all.flatMap(({ service, concerns }) => concerns.map((concern) => ({ service, concern })))
  if (output.json) output.value(all)
  else {
    output.table(
      [
        { title: 'what', flexible: true },
        { title: 'waiting', right: true },
        { title: 'behind', right: true },
        { title: 'instances', right: true },
      ],
      all.flatMap(toRows),
    )
    for (const { service, concern } of concerns)
      output.line(output.styled('yellow', `  look at: ${service}: ${concern}`))
    output.line(`${all.length} services, ${concerns.length} things to look at`)
  }
  if (missing !== 0) return missing
  return concerns.length > 0 ? FOUND : 0
}

function toRows({
  service,
  relay,
  consumers = [],
  schedule,
  archive,
  canary,
  parked = [],
}: StatusAnswer): readonly (readonly Cell[])[] {
  return [
    ...(relay ? [[`${service}-relay`, `${relay.commits}${relay.more ? '+' : ''} commits`, `${relay.seconds} s`]] : []),
    ...consumers.map(({ consumer, hub, events, seconds, instances }) => [
      consumer.includes(hub) ? consumer : `${consumer} of ${hub}`,
      `${events} events`,
      `${seconds} s`,
      instances,
    ]),
    ...(schedule ? [[`${service} schedule`, '', `${schedule.seconds} s`]] : []),
    ...(archive
      ? [[`${service} archive`, `${archive.items}${archive.more ? '+' : ''} items`, `${archive.seconds} s`]]
      : []),
    ...(canary?.seconds === undefined ? [] : [[`${service} canary`, '', `${canary.seconds} s`]]),
    ...parked
      .filter(({ streams, messages }) => streams + messages > 0)
      .map(({ consumer, streams, messages }) => [`${consumer}: parked`, `${streams} streams, ${messages} messages`]),
  ]
}
