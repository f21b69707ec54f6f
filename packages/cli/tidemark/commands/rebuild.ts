import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { Comparison, Rebuild, RebuildAction, ViewSummary } from 'tidemark/tools'
import { UnreachableError } from '../../api/errors.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, type Context, serviceArgument, whole } from '../command/api-command.ts'
import { findView, viewArgument } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import type { Output } from '../output/output.ts'
import { explainExamples, printDiffering } from '../what-if/differing.ts'
import { dryRun, LISTED } from '../what-if/rebuild.ts'
import { Pace } from './pace.ts'

const POLL_MS = 500
/** Stops waiting after this many polls without an answer. Not sooner, as the service may be restarting. */
const SILENT_POLLS = 20

interface Options {
  readonly promote?: boolean
  readonly wait: boolean
  readonly dryRun?: true
  readonly diff?: true
  readonly ifEqual?: true
  readonly limit?: number
}

/** Adds `tidemark rebuild`, a short form of `tidemark views rebuild`. */
export function addRebuild(program: Command): void {
  rebuilding(program, 'rebuild')
}

/** Adds the commands of `tidemark views` that change a view's generations. */
export function addGenerations(views: Command): void {
  rebuilding(views, 'views rebuild')
  acting(views, 'promote', 'lets queries read the generation that was built').option(
    '--if-equal',
    'compare it with the live one again, and promote it only if no document differs',
  )
  acting(views, 'abandon', 'removes the generation that was built')
  acting(views, 'go-back', 'rolls back to the previous generation')
}

function rebuilding(parent: Command, called: string): void {
  const command = parent
    .command('rebuild')
    .description("builds a view's next generation from the log, in the service, and promotes it")
    .option('--no-promote', 'build it, compare it with the live generation, and keep both up to date')
    .addOption(
      new Option('--diff', 'as --no-promote, and show which fields differ, and the events behind').conflicts('wait'),
    )
    .addOption(
      new Option('--if-equal', 'promote it only if no document differs from the live generation').conflicts([
        'promote',
        'wait',
      ]),
    )
    .addOption(
      new Option('--dry-run', 'project it here with this working copy, compare it, and write nothing').conflicts([
        ...['promote', 'wait', 'diff', 'ifEqual'],
      ]),
    )
    .option('--limit <n>', `with --dry-run: how many documents that differ to list; default ${LISTED}`, whole)
  apiCommand(
    onView(command).addHelpText(
      'after',
      examples(
        `${called} ordering sales-by-product`,
        `${called} ordering sales-by-product --diff`,
        `${called} ordering sales-by-product --if-equal`,
        `${called} ordering sales-by-product --dry-run`,
      ),
    ),
    rebuild,
    goesOn,
  )
}

async function rebuild(context: Context, options: Options, ...names: readonly string[]): Promise<number> {
  const { promote, dryRun: isDry, diff, ifEqual, limit } = options
  const [service = '', view = ''] = names
  if (isDry) return dryRun(context, service, view, limit ?? LISTED)
  if (limit !== undefined) throw new UsageError('--limit needs --dry-run')
  const action = promote === false || diff || ifEqual ? 'build' : 'rebuild'
  const built = await follow(context, action, options, names)
  if (!ifEqual || !isEqual(built)) return report(context, { action, service, view, diff }, built)
  const promoted = await follow(context, 'promote-if-equal', options, names)
  return report(context, { action: 'promote-if-equal', service, view }, promoted)
}

function acting(views: Command, action: RebuildAction, description: string): Command {
  const command = onView(views.command(action).description(description))
  apiCommand(
    command.addHelpText('after', examples(`views ${action} ordering sales-by-product`)),
    async (context, options: Options, ...names) => {
      const asked = options.ifEqual ? 'promote-if-equal' : action
      const [service = '', view = ''] = names
      return report(context, { action: asked, service, view }, await follow(context, asked, options, names))
    },
    goesOn,
  )
  return command
}

/** A dry run leaves nothing behind. */
function goesOn({ dryRun }: Options): string | undefined {
  return dryRun ? undefined : 'stopped waiting: the service goes on; see tidemark views'
}

function onView(command: Command): Command {
  return command
    .addArgument(serviceArgument())
    .addArgument(viewArgument())
    .option('--no-wait', 'do not wait for the end: `tidemark views` shows the progress')
}

/** Starts an action and waits for its end, unless told not to. @returns its last state. */
async function follow(
  context: Context,
  action: RebuildAction,
  { wait }: Options,
  names: readonly string[],
): Promise<Rebuild> {
  const { output, signal } = context
  const [service = '', view = ''] = names
  findView(service, view)
  const api = context.api(service)
  let now = await api.post<Rebuild>(`views/${view}/${action}`, {})
  const pace = new Pace()
  let silent = 0
  while (wait && now.state === 'running') {
    output.progress([`${service}/${view}: ${rebuildLine(now)}`, ...pace.describe(now)].join(', '))
    await delay(POLL_MS, undefined, { signal })
    try {
      const { items } = await api.page<ViewSummary>('views')
      const found = items.find(({ name }) => name === view)?.rebuild
      if (found === undefined) throw new UnreachableError(`${service} no longer reports the ${action} of ${view}`)
      if (found.startedAt !== now.startedAt)
        output.remark(`${service}/${view}: ${found.action} was started again at ${found.startedAt}, by ${found.by}`)
      now = found
      // Somebody started another action.
      if (now.action !== action) break
      silent = 0
    } catch (error) {
      silent += 1
      if (!(error instanceof UnreachableError) || silent > SILENT_POLLS) throw error
    }
  }
  return now
}

/** What was asked for. */
interface Asked {
  readonly action: RebuildAction
  readonly service: string
  readonly view: string
  /** Whether to explain the differences. */
  readonly diff?: boolean | undefined
}

/** Prints the state of an action. @returns the exit code. */
async function report(context: Context, { action, service, view, diff }: Asked, now: Rebuild): Promise<number> {
  const { output } = context
  const { comparison, target } = now
  const isCompared = diff === true && comparison !== undefined && target !== undefined
  const documents = isCompared ? await explainExamples(context, { service, view, target, comparison }) : []
  if (output.json) output.value({ service, view, ...now, ...(isCompared ? { documents } : {}) })
  else {
    output.line(`${service}/${view}: ${rebuildLine(now)}`)
    if (comparison) showComparison(output, comparison, isCompared)
    for (const each of documents) printDiffering(output, each, 'built')
  }
  const differs = comparison !== undefined && differing(comparison) > 0
  return now.state === 'failed' || now.action !== action || differs ? FOUND : 0
}

function showComparison(output: Output, comparison: Comparison, isExplained: boolean): void {
  const { compared, changed, added, removed, examples } = comparison
  const numbers = { compared, changed, added, removed }
  output.table(
    Object.keys(numbers).map((title) => ({ title, right: true })),
    [Object.values(numbers)],
  )
  const left = differing(comparison) - examples.length
  if (examples.length > 0 && !isExplained) {
    output.line()
    output.table(
      [{ title: 'difference' }, { title: 'document', flexible: true }],
      examples.map(({ key, difference }) => [difference, key]),
    )
  }
  if (left > 0) output.remark(`${left} more differ: only the first ${examples.length} are named`)
}

function differing({ changed, added, removed }: Comparison): number {
  return changed + added + removed
}

function isEqual({ state, action, comparison }: Rebuild): boolean {
  return state === 'done' && action === 'build' && comparison !== undefined && differing(comparison) === 0
}

const WORDS: Readonly<Record<RebuildAction, string>> = {
  rebuild: 'rebuild of',
  build: 'build of',
  promote: 'promotion of',
  'promote-if-equal': 'promotion of',
  abandon: 'removal of',
  'go-back': 'rollback to',
}

/** Describes the last action on a view's generations in one line. */
export function rebuildLine({ action, target, ...rebuild }: Rebuild): string {
  const { state, stage, commits, total, comparison, updatedAt, code, reason } = rebuild
  const what = `${WORDS[action]} ${target === undefined ? 'a generation' : `generation ${target}`}`
  if (state === 'failed') return `${what}: failed: ${code ?? 'internal'}: ${reason ?? ''}`
  if (state === 'running') return `${what}: ${stage}, ${commits} of ${total} commits`
  if (!comparison) return `${what}: done at ${updatedAt}`
  return `${what}: done at ${updatedAt}, ${differing(comparison)} of ${comparison.compared} documents differ`
}
