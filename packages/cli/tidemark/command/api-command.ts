import { userInfo } from 'node:os'
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { parseTime } from 'tidemark/tools'
import { readAddresses } from '../../api/addresses.ts'
import type { ApiOptions } from '../../api/ask.ts'
import { readCredentials } from '../../api/credentials.ts'
import { UnreachableError } from '../../api/errors.ts'
import { ServiceApi } from '../../api/service-api.ts'
import { INTERRUPTED } from '../../command-line/arguments.ts'
import { Output } from '../output/output.ts'
import { serviceNames } from './declared.ts'
import { UNREACHABLE } from './exit-codes.ts'

/** The context of a command that asks services. */
export interface Context {
  readonly output: Output
  /** The services to ask if none is named. */
  readonly services: readonly string[]
  /** Whether `--url` or TIDEMARK_URL gives the addresses. Otherwise the services run on this machine. */
  readonly remote: boolean
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** The options of requests to services. */
  readonly asking: ApiOptions
  api(service: string): ServiceApi
}

/** Runs a command. @returns its exit code; undefined means 0. */
type Run<Options> = (context: Context, options: Options, ...args: readonly string[]) => Promise<number | undefined>

/**
 * Completes a command that asks services over HTTP: adds `--url` and `--json`, and ends with 130 on Ctrl-C.
 * @param whenInterrupted returns the message on Ctrl-C: what continues without the command, if anything.
 */
export function apiCommand<Options>(
  command: Command,
  run: Run<Options>,
  whenInterrupted?: (options: Options) => string | undefined,
): Command {
  return command
    .addOption(
      new Option('--url <address>', 'address of the services, repeatable: https://… or ordering=https://…')
        .argParser<readonly string[]>((url, before = []) => [...before, url])
        .env('TIDEMARK_URL'),
    )
    .option('--json', 'print JSON, for programs')
    .action(async () => {
      const { url, json = false, ...options } = command.opts()
      const output = new Output({ json })
      const controller = new AbortController()
      const interrupt = (): void => controller.abort()
      process.once('SIGINT', interrupt)
      try {
        const addresses = readAddresses(parseUrls(command, url), serviceNames)
        const credentials = readCredentials(process.env, serviceNames)
        const { signal } = controller
        const asking = { addresses, credentials, signal, ...whoAsks() }
        const context: Context = {
          output,
          services: addresses.services,
          remote: addresses.given,
          signal,
          asking,
          api: (service) => new ServiceApi(service, asking),
        }
        const code = await run(context, options as Options, ...(command.processedArgs.flat() as string[]))
        process.exitCode = signal.aborted ? INTERRUPTED : (code ?? 0)
      } catch (error) {
        if (!controller.signal.aborted) throw error
        process.exitCode = INTERRUPTED
      } finally {
        process.off('SIGINT', interrupt)
        output.end()
      }
      const remark = controller.signal.aborted && whenInterrupted?.(command.opts() as Options)
      if (remark) output.remark(remark)
    })
}

/** The user of this machine, if a header can carry the name. */
function whoAsks(): { readonly actor?: string } {
  const { username } = userInfo()
  return /^[\w.@-]{1,100}$/.test(username) ? { actor: username } : {}
}

/** The addresses of the option. In the environment variable they are separated by spaces or commas. */
function parseUrls(command: Command, url: readonly string[] = []): readonly string[] {
  if (command.getOptionValueSource('url') !== 'env') return url
  return url.flatMap((each) => each.split(/[\s,]+/)).filter((each) => each !== '')
}

/** The option `--service`, which may be repeated. */
export function serviceOption(): Option {
  const option = new Option('--service <name>', 'only these services, repeatable').choices(serviceNames)
  const choose = option.parseArg
  return option.argParser<readonly string[]>((name, before = []) => {
    choose?.(name, undefined as never)
    return [...new Set([...before, name])]
  })
}

/** The argument for one service. */
export function serviceArgument(): Argument {
  return new Argument('<service>', 'the service').choices(serviceNames)
}

/** The argument for several services; without any: all. */
export function serviceArguments(): Argument {
  return new Argument('[service...]', 'the services; all if none is named').choices(serviceNames)
}

/** Reads a whole number of at least 1. */
export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, at least 1.')
  return Number(text)
}

/** Reads a time: RFC 3339. */
export function moment(text: string): string {
  try {
    parseTime(text)
    return text
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`)
  }
}

/**
 * Asks services at the same time. Reports those that do not answer beside the result, each reason once.
 * @returns the answers in the order of the services, and exit code 3 if some are missing.
 * @throws UnreachableError if none answers
 */
export async function askEach<Answer>(
  { output, api }: Context,
  services: readonly string[],
  ask: (api: ServiceApi, service: string) => Promise<Answer>,
): Promise<{
  readonly answers: readonly { readonly service: string; readonly answer: Answer }[]
  readonly missing: 0 | 3
}> {
  output.progress(`asking ${services.join(', ')}`)
  const settled = await Promise.allSettled(services.map((service) => ask(api(service), service)))
  const answers: { readonly service: string; readonly answer: Answer }[] = []
  const reasons = new Map<string, string[]>()
  for (const [index, each] of settled.entries()) {
    const service = services[index] ?? ''
    if (each.status === 'fulfilled') answers.push({ service, answer: each.value })
    else if (!(each.reason instanceof UnreachableError)) throw each.reason
    else reasons.set(each.reason.message, [...(reasons.get(each.reason.message) ?? []), service])
  }
  output.end()
  const remarks = [...reasons].map(([reason, silent]) => `${silent.join(', ')}: ${reason}`)
  if (answers.length === 0 && remarks.length > 0) throw new UnreachableError(remarks.join('\n'))
  for (const line of remarks) output.remark(line)
  return { answers, missing: reasons.size > 0 ? UNREACHABLE : 0 }
}
