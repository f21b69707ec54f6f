import type { Command } from 'commander'
import type { DocumentAt } from 'tidemark/tools'
import { RefusedError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, type Context, moment, serviceArgument, whole } from '../command/api-command.ts'
import { findView, viewArgument } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { HereProjection } from '../what-if/projection.ts'

interface Options {
  readonly at?: string
  readonly version?: number
  readonly here?: true
}

/** Adds `tidemark views show`. */
export function addShowView(views: Command): void {
  const command = views
    .command('show')
    .description('a document of a view, or the whole view, as of a moment; projected from the log')
    .addArgument(serviceArgument())
    .addArgument(viewArgument())
    .argument('[key]', 'the key of a document, such as order-1; without it: all documents, a line of JSON for each')
    .option('--at <time>', 'as of this time: 2026-01-31T12:00:00Z', moment)
    .option('--version <n>', 'as of this stream version; only for a document of a single-stream view', whole)
    .option('--here', 'project it with this working copy; always so for the whole view')
    .addHelpText(
      'after',
      examples(
        'views show ordering order order-1 --version 2',
        'views show ordering sales-by-product tea --at 2026-01-31T12:00:00Z',
        'views show ordering sales-by-product --at 2026-01-31T12:00:00Z > january.ndjson',
      ),
    )
  apiCommand(command, show)
}

async function show(context: Context, options: Options, ...names: readonly (string | undefined)[]): Promise<undefined> {
  const [service = '', name = '', key] = names
  const { at, version, here } = options
  findView(service, name)
  if (version !== undefined && (at !== undefined || here || key === undefined))
    throw new UsageError('--version is for a document that the service projects: give a key, without --at and --here')
  if (key === undefined || here) return showHere(context, service, name, { at, only: key })
  const { items, events } = await documentAt(context, context.api(service), name, { key, at, version })
  const [found] = items
  if (found === undefined) throw noDocument(name, key, at)
  print(context, found, events)
}

/** Asks the service, part by part. */
async function documentAt(
  { output }: Context,
  api: ServiceApi,
  view: string,
  query: { readonly key: string; readonly at?: string | undefined; readonly version?: number | undefined },
): Promise<DocumentAt> {
  let continuation: string | undefined
  for (;;) {
    const part = await api.post<DocumentAt>(`views/${view}/as-of`, { ...query, continuation })
    if (part.continuation === undefined) return part
    output.progress(`${view} ${query.key}: ${part.events} events found so far`)
    continuation = part.continuation
  }
}

/** Projects the view with this working copy, from the service's log. */
async function showHere(
  context: Context,
  service: string,
  name: string,
  { at, only }: { readonly at: string | undefined; readonly only: string | undefined },
): Promise<undefined> {
  const { output } = context
  const here = new HereProjection(context, service, findView(service, name), { at, only })
  await here.catchUp()
  const documentOf = (key: string): DocumentAt['items'][number] => {
    const version = here.version(key)
    return { key, ...(version === undefined ? {} : { version }), document: here.document(key) }
  }
  if (only !== undefined) {
    if (here.document(only) === undefined) throw noDocument(name, only, at)
    print(context, documentOf(only), here.events)
    return
  }
  const keys = here.keys()
  for (const key of keys) output.item(documentOf(key))
  output.remark(`${service}/${name}: ${keys.length} documents from ${here.events} events of ${here.streams} streams`)
}

function print({ output }: Context, found: DocumentAt['items'][number], events: number): void {
  if (output.json) {
    output.value({ ...found, events })
    return
  }
  const version = found.version === undefined ? '' : `@${found.version}`
  output.remark(`${found.key}${version}, from ${events} ${events === 1 ? 'event' : 'events'}`)
  output.value(found.document)
}

function noDocument(view: string, key: string, at: string | undefined): RefusedError {
  const when = at === undefined ? '' : ` at ${at}`
  return new RefusedError(`document-not-found: ${view} had no document ${key}${when}`, 404, 'document-not-found')
}
