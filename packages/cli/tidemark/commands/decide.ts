import type { Command } from 'commander'
import { parseTime, type TriedDecision, tryDecide } from 'tidemark/tools'
import type { EventAnswer } from '../../api/answers.ts'
import { RefusedError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { serviceNamed } from '../../project/known-services.ts'
import { apiCommand, type Context, moment, whole } from '../command/api-command.ts'
import { findOwner } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { inWorkingCopy, WorkingCopyError } from '../command/working-copy.ts'

interface Options {
  readonly version?: number
  readonly at?: string
  readonly dryRun?: true
}

/** Adds `tidemark decide <stream> <command> [json] --dry-run`. It never sends a command: that takes a key. */
export function addDecide(program: Command): void {
  const command = program
    .command('decide')
    .description("what a command would do: this working copy's decider on the stream's real history")
    .argument('<stream>', 'such as order-1')
    .argument('<command>', 'such as cancel')
    .argument('[json]', 'the data of the command', '{}')
    .option('--dry-run', 'required: nothing is sent or written')
    .option('--version <n>', 'decide as of this version', whole)
    .option('--at <time>', 'decide as of this time, which is also the time of the decision', moment)
    .addHelpText(
      'after',
      examples(
        `decide order-1 cancel '{"reason":"late"}' --dry-run`,
        `decide order-1 cancel '{"reason":"late"}' --dry-run --version 2`,
      ),
    )
  apiCommand(command, decide)
}

async function decide(context: Context, options: Options, ...args: readonly string[]): Promise<number> {
  const [stream = '', type = '', json = '{}'] = args
  const { version, at, dryRun } = options
  const { output } = context
  const service = findOwner(stream)
  if (!dryRun) throw new UsageError(howToSend(service, stream, type))
  if (version !== undefined && at !== undefined) throw new UsageError('give --version or --at, not both')
  const tried = {
    ...{ stream, type, data: parseData(json), actor: context.asking.actor ?? 'dry-run' },
    now: new Date(at === undefined ? Date.now() : parseTime(at)).toISOString(),
    history: readHistory(context.api(service), stream, { version, at }),
  }
  const decision = await inWorkingCopy(() => tryDecide(serviceNamed(service), tried)).catch(asUsage)
  if (version !== undefined && decision.version < version)
    throw new RefusedError(`version-not-found: ${stream} is at version ${decision.version}`, 404, 'version-not-found')
  if (output.json) output.value({ stream, command: type, ...decision })
  else print(context, stream, type, decision)
  return decision.refusal ? FOUND : 0
}

/** The events of a stream up to a point. None if there is no such stream. */
async function* readHistory(
  api: ServiceApi,
  stream: string,
  { version = Number.POSITIVE_INFINITY, at }: { readonly version: number | undefined; readonly at: string | undefined },
): AsyncGenerator<EventAnswer> {
  const until = at === undefined ? Number.POSITIVE_INFINITY : parseTime(at)
  try {
    const path = `streams/${encodeURIComponent(stream)}/events`
    for await (const event of api.items<EventAnswer>(path, { limit: 100 }, 'after')) {
      if (event.version > version || Date.parse(event.time) > until) return
      yield event
    }
  } catch (error) {
    if (!(error instanceof RefusedError && error.code === 'stream-not-found')) throw error
  }
}

function parseData(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (error) {
    throw new UsageError(`the data is not JSON: ${(error as Error).message}`)
  }
}

/** A mistake in the command is wrong usage, as it is for the service. */
function asUsage(error: unknown): never {
  if (error instanceof WorkingCopyError && /^(unknown|invalid)-command: /.test(error.message))
    throw new UsageError(error.message)
  throw error
}

function howToSend(service: string, stream: string, type: string): string {
  const category = stream.slice(0, stream.indexOf('-'))
  const id = stream.slice(category.length + 1)
  const { resources = [] } = serviceNamed(service)
  const its = resources.find(({ commands }) => commands?.decider.category === category)
  const route = `/api/${service}/${its?.path}`
  const { creates, offered = [] } = its?.commands ?? {}
  const how =
    creates === type
      ? `POST ${route}`
      : offered.includes(type)
        ? `POST ${route}/${id}/${type}`
        : 'no route: clients cannot send it'
  return `tidemark sends no commands (${how}); with --dry-run it shows what this one would do`
}

function print({ output }: Context, stream: string, type: string, { version, events, refusal }: TriedDecision): void {
  output.remark(`${type} on ${stream}@${version}; nothing was written`)
  if (refusal) output.line(`refused: ${refusal.code}: ${refusal.detail}`)
  else if (events.length === 0) output.line('nothing to do')
  else
    output.table(
      [{ title: 'version', right: true }, { title: 'type' }, { title: 'data', flexible: true }],
      events.map((event) => [event.version, event.type, JSON.stringify(event.data)]),
    )
}
