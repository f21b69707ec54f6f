import type { Command } from 'commander'
import type { ViewSummary } from 'tidemark/tools'
import { apiCommand, askEach, type Context, serviceOption } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { addGenerations, rebuildLine } from './rebuild.ts'
import { addShowView } from './show-view.ts'

interface Options {
  readonly service?: readonly string[]
}

export function addViews(program: Command): void {
  const views = program
    .command('views')
    .description('the views of the services, and commands for their generations')
    .addHelpText(
      'after',
      examples(
        'views --service ordering',
        'views show ordering order order-1 --at 2026-01-31T12:00:00Z',
        'views rebuild ordering sales-by-product --no-promote',
        'views promote ordering sales-by-product',
      ),
    )
  const command = views
    .command('list', { isDefault: true })
    .description('lists the views, their generations, and the last action on them')
    .addOption(serviceOption())
    .addHelpText('after', examples('views', 'views list --service ordering --json'))
  apiCommand(command, list)
  addShowView(views)
  addGenerations(views)
}

async function list(context: Context, { service }: Options): Promise<number> {
  const { output } = context
  const { answers, missing } = await askEach(context, service ?? context.services, async (api) => {
    const { items } = await api.page<ViewSummary>('views')
    return items
  })
  const all = answers.flatMap(({ service, answer }) => answer.map((view) => ({ service, ...view })))
  if (output.json) output.value(all)
  else
    output.table(
      [
        { title: 'service' },
        { title: 'view' },
        { title: 'kind' },
        { title: 'category' },
        { title: 'live', right: true },
        { title: 'generations' },
        { title: 'last', flexible: true },
      ],
      all.map(({ service, name, kind, category, live, generations, rebuild }) => [
        service,
        name,
        kind,
        category,
        live,
        generations.map(({ number, role }) => `${number} ${role}`).join(', '),
        rebuild && rebuildLine(rebuild),
      ]),
      (index) => (all[index]?.rebuild?.state === 'failed' ? 'red' : undefined),
    )
  return missing
}
