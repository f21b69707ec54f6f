import type { Command } from 'commander'
import type { ScheduledAnswer } from '../../api/answers.ts'
import { apiCommand, askEach, type Context, serviceOption, whole } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'

interface Options {
  readonly service?: readonly string[]
  readonly limit: number
}

export function addSchedule(program: Command): void {
  const command = program
    .command('schedule')
    .description('the scheduled commands, the next one first')
    .addOption(serviceOption())
    .option('--limit <n>', 'the highest number of commands', whole, 50)
    .addHelpText('after', examples('schedule', 'schedule --service payments --json'))
  apiCommand(command, schedule)
}

async function schedule(context: Context, { service, limit }: Options): Promise<number> {
  const { output } = context
  const { answers, missing } = await askEach(context, service ?? context.services, async (api) => {
    const items: ScheduledAnswer[] = []
    for await (const each of api.items<ScheduledAnswer>('schedule', { limit: Math.min(limit, 100) })) {
      items.push(each)
      if (items.length > limit) break
    }
    return items
  })
  const all = answers
    .flatMap(({ service, answer }) => answer.map((each) => ({ service, ...each })))
    .toSorted((a, b) => (a.due < b.due ? -1 : a.due > b.due ? 1 : 0))
  const items = all.slice(0, limit)
  const more = all.length > limit
  if (output.json) output.value({ items, more })
  else {
    output.table(
      [
        { title: 'due' },
        { title: 'service' },
        { title: 'stream', flexible: true },
        { title: 'command' },
        { title: 'cause', flexible: true },
        { title: 'data', flexible: true },
      ],
      items.map(({ due, service, stream, type, causation, data }) => [
        due,
        service,
        stream,
        type,
        causation,
        JSON.stringify(data),
      ]),
    )
    if (more) output.remark(`there are more: --limit ${limit * 2}`)
  }
  return missing
}
