import type { Command } from 'commander'
import { Option } from 'commander'
import type { StreamSummary } from 'tidemark/tools'
import type { ServiceApi } from '../../api/service-api.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, askEach, type Context, serviceOption, whole } from '../command/api-command.ts'
import { categories, selectServices } from '../command/declared.ts'
import { examples } from '../command/examples.ts'

const PAGE_SIZE = 100

interface Options {
  readonly service?: readonly string[]
  readonly category?: string
  readonly prefix?: string
  readonly limit: number
}

export function addStreams(program: Command): void {
  const command = program
    .command('streams')
    .description('the streams of the services, newest first, or by name with --prefix')
    .addOption(serviceOption())
    .addOption(new Option('--category <name>', 'only this category').choices(categories))
    .option('--prefix <text>', 'only names with this prefix: order-17')
    .option('--limit <n>', 'the highest number of streams', whole, 50)
    .addHelpText('after', examples('streams', 'streams --category payment --limit 10', 'streams --prefix order-1'))
  apiCommand(command, streams)
}

async function streams(context: Context, options: Options): Promise<number> {
  const { output } = context
  const { category, prefix, limit } = options
  const { answers, missing } = await askEach(context, asked(context, options), (api) =>
    readFirst(api, { category, prefix }, limit),
  )
  const all = answers
    .flatMap(({ service, answer }) => answer.items.map((stream) => ({ service, ...stream })))
    .toSorted(prefix === undefined ? newestFirst : byName)
  const items = all.slice(0, limit)
  const more = all.length > limit || answers.some(({ answer }) => answer.more)
  if (output.json) output.value({ items, more })
  else {
    output.table(
      [
        { title: 'service' },
        { title: 'stream', flexible: true },
        { title: 'version', right: true },
        { title: 'newest event' },
        { title: 'types', flexible: true },
      ],
      items.map(({ service, stream, version, time, types }) => [service, stream, version, time, types.join(' ')]),
    )
    if (more) output.remark(`there are more: --limit ${limit * 2}`)
  }
  return missing
}

/** The services that can have such streams. */
function asked(context: Context, { service, category, prefix = '' }: Options): readonly string[] {
  const dash = prefix.indexOf('-')
  const named = category ?? (dash > 0 ? prefix.slice(0, dash) : undefined)
  if (category !== undefined && dash > 0 && prefix.slice(0, dash) !== category)
    throw new UsageError(`no stream of the category ${category} begins with ${prefix}`)
  return selectServices(named, service) ?? context.services
}

/** The first streams of a list, and whether there are more. */
async function readFirst(
  api: ServiceApi,
  query: { readonly category: string | undefined; readonly prefix: string | undefined },
  limit: number,
): Promise<{ readonly items: readonly StreamSummary[]; readonly more: boolean }> {
  // A stream that is written meanwhile may be on two pages. The first occurrence is the newer one.
  const items = new Map<string, StreamSummary>()
  for await (const stream of api.items<StreamSummary>('streams', { ...query, limit: Math.min(limit, PAGE_SIZE) })) {
    if (items.size === limit) return { items: [...items.values()], more: true }
    if (!items.has(stream.stream)) items.set(stream.stream, stream)
  }
  return { items: [...items.values()], more: false }
}

function newestFirst(a: StreamSummary, b: StreamSummary): number {
  return a.time < b.time ? 1 : a.time > b.time ? -1 : byName(a, b)
}

function byName(a: StreamSummary, b: StreamSummary): number {
  return a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0
}
