import { setTimeout as delay } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import type { EventAnswer } from '../../api/answers.ts'
import { UnreachableError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'
import { apiCommand, type Context, serviceOption, whole } from '../command/api-command.ts'
import { categories, selectServices } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { UNREACHABLE } from '../command/exit-codes.ts'
import { plain } from '../output/text.ts'
import { formatEventId } from '../output/tree.ts'

const POLL_MS = 1_000
const PAGE_SIZE = 100

interface Options {
  readonly service?: readonly string[]
  readonly category?: string
  readonly type?: string
  readonly limit: number
  readonly follow: boolean
}

export function addTail(program: Command): void {
  const command = program
    .command('tail')
    .description('the newest events, and new ones as they come, until Ctrl-C')
    .addOption(serviceOption())
    .addOption(new Option('--category <name>', 'only this category').choices(categories))
    .option('--type <name>', 'only this type: OrderPlaced')
    .option('--limit <n>', 'how many existing events of each service to show', whole, 10)
    .option('--no-follow', 'do not wait for more')
    .addHelpText('after', examples('tail', 'tail --service ordering --type OrderPlaced', 'tail --json | jq .data'))
  apiCommand(command, tail)
}

async function tail(context: Context, options: Options): Promise<number> {
  const services = selectServices(options.category, options.service) ?? context.services
  const feeds = services.map((service) => new Feed(context, service, options))
  let answered = await round(context, feeds)
  if (!answered && feeds.every(({ failing }) => failing)) return UNREACHABLE
  if (!options.follow) return feeds.some(({ failing }) => failing) ? UNREACHABLE : 0
  while (!context.signal.aborted) {
    if (!answered) await delay(POLL_MS, undefined, { signal: context.signal })
    answered = await round(context, feeds)
  }
  return 0
}

/** Prints new events of all services, ordered by time. @returns whether a service already has more. */
async function round({ output, signal }: Context, feeds: readonly Feed[]): Promise<boolean> {
  const came = (await Promise.all(feeds.map((feed) => feed.next()))).flat()
  for (const { service, event } of came.toSorted((a, b) => Date.parse(a.event.time) - Date.parse(b.event.time))) {
    // A line is written whole or not at all.
    if (signal.aborted) return false
    if (output.json) output.item({ service, ...event })
    else {
      const { time, type, actor } = event
      const line = `${service.padEnd(10)}  ${plain(type).padEnd(22)}  ${plain(formatEventId(event))}  ${plain(actor)}`
      output.line(`${output.styled('dim', plain(time))}  ${output.fitting(line, time.length + 2)}`)
    }
  }
  return feeds.some(({ hasMore }) => hasMore)
}

/** Reads the events of one service, from where the last read ended. */
class Feed {
  readonly #context: Context
  readonly #service: string
  readonly #api: ServiceApi
  readonly #options: Options
  #after: string | number | undefined
  readonly #shown = new Set<string>()
  hasMore = false
  /** Whether the last request failed. That is reported once, and the request is repeated. */
  failing = false

  constructor(context: Context, service: string, options: Options) {
    this.#context = context
    this.#service = service
    this.#api = context.api(service)
    this.#options = options
  }

  async next(): Promise<readonly { readonly service: string; readonly event: EventAnswer }[]> {
    const { category, type, limit: first } = this.#options
    const limit = this.#after === undefined ? Math.min(first, PAGE_SIZE) : PAGE_SIZE
    try {
      const page = await this.#api.page<EventAnswer>('events', { after: this.#after, category, type, limit })
      if (this.failing) this.#context.output.remark(`${this.#service}: it answers again`)
      this.failing = false
      this.hasMore = this.#after !== undefined && page.items.length >= limit
      const isFirst = this.#after === undefined
      this.#after = page.continuation ?? this.#after
      // Events that arrive during the first read appear on the second page again.
      const fresh = page.items.filter((event) => !this.#shown.has(formatEventId(event)))
      if (isFirst) for (const event of page.items) this.#shown.add(formatEventId(event))
      return fresh.map((event) => ({ service: this.#service, event }))
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error
      if (!this.failing) this.#context.output.remark(`${this.#service}: ${error.message}`)
      this.failing = true
      this.hasMore = false
      return []
    }
  }
}
