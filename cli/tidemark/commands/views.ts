import type { Command } from 'commander'
import type { ViewSummary } from '../../../src/core/operations.ts'
import type { Rebuild } from '../../../src/core/rebuild.ts'
import { apiCommand, askEach, type Context, serviceOption } from '../api-command.ts'
import { examples } from '../examples.ts'

interface Options {
  readonly service?: readonly string[]
}

export function addViews(program: Command): void {
  const command = program
    .command('views')
    .description('the views of the services, their generations and their rebuilds')
    .addOption(serviceOption())
    .addHelpText('after', examples('views', 'views --service ordering --json'))
  apiCommand(command, views)
}

async function views(context: Context, { service }: Options): Promise<number> {
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
        { title: 'rebuild', flexible: true },
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

/** What a rebuild does, in a few words. */
export function rebuildLine({
  action,
  state,
  stage,
  target,
  commits,
  total,
  updatedAt,
  code,
  reason,
}: Rebuild): string {
  const generation = target === undefined ? '' : ` ${action === 'rebuild' ? 'of' : 'to'} generation ${target}`
  const what = `${action === 'rebuild' ? 'rebuild' : 'way back'}${generation}`
  if (state === 'done') return `${what}: done at ${updatedAt}`
  if (state === 'failed') return `${what}: failed: ${code ?? 'internal'}: ${reason ?? ''}`
  return `${what}: ${stage}, ${commits} of ${total} commits`
}
