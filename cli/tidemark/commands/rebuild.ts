import { setTimeout as delay } from 'node:timers/promises'
import type { Command } from 'commander'
import { Argument } from 'commander'
import type { ViewSummary } from '../../../src/core/operations.ts'
import type { Rebuild } from '../../../src/core/rebuild.ts'
import { UnreachableError } from '../../api/errors.ts'
import { UsageError } from '../../arguments.ts'
import { apiCommand, type Context, serviceArgument } from '../api-command.ts'
import { viewNames, viewsOf } from '../declared.ts'
import { examples } from '../examples.ts'
import { FOUND } from '../exit-codes.ts'
import { rebuildLine } from './views.ts'

const POLL_MS = 500
/** Polls without an answer, after which it is not waited for any longer: the service may be restarting. */
const SILENT_POLLS = 20

interface Options {
  readonly back?: boolean
  readonly wait: boolean
}

export function addRebuild(program: Command): void {
  const command = program
    .command('rebuild')
    .description("builds a view's next generation from the log, in the service, and waits for its end")
    .addArgument(serviceArgument())
    .addArgument(new Argument('<view>', 'the view').choices(viewNames))
    .option('--back', 'let queries read the generation before again')
    .option('--no-wait', 'do not wait for the end: `tidemark views` tells how far it is')
    .addHelpText('after', examples('rebuild ordering sales-by-product', 'rebuild ordering sales-by-product --back'))
  apiCommand(command, rebuild, 'stopped waiting: the service goes on; see tidemark views')
}

async function rebuild(context: Context, { back, wait }: Options, service = '', view = ''): Promise<number> {
  const { output, signal } = context
  if (!viewsOf(service).includes(view))
    throw new UsageError(`${service} has no view ${view}; it has ${viewsOf(service).join(', ')}`)
  const api = context.api(service)
  let now = await api.post<Rebuild>(`views/${view}/${back ? 'go-back' : 'rebuild'}`, {})
  const { action } = now
  let silent = 0
  while (wait && now.state === 'running') {
    output.progress(`${service}/${view}: ${rebuildLine(now)}`)
    await delay(POLL_MS, undefined, { signal })
    try {
      const { items } = await api.page<ViewSummary>('views')
      const found = items.find(({ name }) => name === view)?.rebuild
      if (found === undefined) throw new UnreachableError(`${service} does not tell of the rebuild of ${view} any more`)
      if (found.startedAt !== now.startedAt)
        output.remark(`${service}/${view}: ${found.action} begun anew at ${found.startedAt}, for ${found.by}`)
      now = found
      // Somebody wants the contrary.
      if (now.action !== action) break
      silent = 0
    } catch (error) {
      silent += 1
      if (!(error instanceof UnreachableError) || silent > SILENT_POLLS) throw error
    }
  }
  if (output.json) output.value({ service, view, ...now })
  else output.line(`${service}/${view}: ${rebuildLine(now)}`)
  return now.state === 'failed' || now.action !== action ? FOUND : 0
}
