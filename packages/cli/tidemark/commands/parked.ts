import { type Command, Option } from 'commander'
import type { ActedAnswer, ParkedAnswer } from '../../api/answers.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, askEach, type Context, serviceArgument, serviceArguments } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'

/** How much of a message's body is shown. */
const SHOWN = 200

interface Choice {
  readonly stream?: string
  readonly handler?: string
  readonly code?: string
  readonly message?: string
}

type Action = 'redrive' | 'skip' | 'discard'

const REASON = new Option('--reason <text>', 'why: it is kept for ever, with your name').makeOptionMandatory()
const MESSAGE = new Option('--message <id>', 'the message with this id')

export function addParked(program: Command): void {
  const parked = program
    .command('parked')
    .description('what waits because it could not be processed, and what is done about it')
    .addHelpText(
      'after',
      examples(
        'parked ordering',
        'parked redrive ordering --code handler-failed',
        'parked skip ordering --stream order-17 --reason "ticket 12: no such product"',
        'parked discard ordering --message 4711 --reason "a stranger"',
      ),
    )
  apiCommand(
    choosing(
      parked
        .command('list', { isDefault: true })
        .description('what waits, since when, and why')
        .addArgument(serviceArguments()),
    ).addHelpText('after', examples('parked', 'parked list ordering --stream order-17')),
    list,
  )
  apiCommand(
    choosing(
      parked
        .command('redrive')
        .description('tries again what waits, by the code that runs')
        .addArgument(serviceArgument()),
    ).addHelpText('after', examples('parked redrive ordering', 'parked redrive ordering --stream order-17')),
    (context, choice: Choice, service) => act(context, 'redrive', service, choice),
    GOES_ON,
  )
  apiCommand(
    choosing(
      parked
        .command('skip')
        .description('gives up the event that a stream waits for, and tries the rest')
        .addArgument(serviceArgument()),
    )
      .addOption(REASON)
      .addHelpText('after', examples('parked skip ordering --stream order-17 --reason "ticket 12"')),
    (context, choice: Choice, service) => act(context, 'skip', service, choice),
    GOES_ON,
  )
  apiCommand(
    choosing(parked.command('discard').description('gives up what waits').addArgument(serviceArgument()))
      .addOption(MESSAGE)
      .addOption(REASON)
      .addHelpText('after', examples('parked discard ordering --stream order-17 --reason "a test order"')),
    (context, choice: Choice, service) => act(context, 'discard', service, choice),
    GOES_ON,
  )
}

const GOES_ON = 'stopped: what the service has begun with it does; all else still waits'

function choosing(command: Command): Command {
  return command
    .option('--stream <stream>', 'of this stream alone')
    .option('--handler <name>', 'for this view, generation of a view (order@2) or reaction alone')
    .option('--code <code>', 'with this error code alone')
}

async function list(context: Context, choice: Choice, ...named: readonly string[]): Promise<number> {
  const { output } = context
  const services = named.length > 0 ? [...new Set(named)] : context.services
  const { answers, missing } = await askEach(context, services, (api) => api.get<ParkedAnswer>('parked', { ...choice }))
  const streams = answers.flatMap(({ service, answer }) => answer.streams.map((each) => ({ service, ...each })))
  const messages = answers.flatMap(({ service, answer }) => answer.messages.map((each) => ({ service, ...each })))
  if (output.json) output.value({ streams, messages })
  else {
    if (streams.length > 0) {
      output.table(
        [
          { title: 'consumer' },
          { title: 'handler' },
          { title: 'event', flexible: true },
          { title: 'type' },
          { title: 'since' },
          { title: 'tried', right: true },
          { title: 'again at' },
        ],
        streams.map(({ consumer, handler, stream, version, type, since, attempts, nextAttempt }) => [
          ...[consumer, handler, `${stream}@${version}`, type, since, attempts, nextAttempt],
        ]),
        undefined,
        (index) => [`${streams[index]?.code}: ${streams[index]?.reason}`],
      )
      output.line()
    }
    if (messages.length > 0) {
      output.table(
        [{ title: 'consumer' }, { title: 'message' }, { title: 'since' }, { title: 'bytes', right: true }],
        messages.map(({ consumer, id, since, bytes }) => [consumer, id, since, bytes]),
        undefined,
        (index) => [
          `${messages[index]?.code}: ${messages[index]?.reason}`,
          messages[index]?.body.slice(0, SHOWN) ?? '',
        ],
      )
      output.line()
    }
    output.line(`${streams.length} streams and ${messages.length} messages`)
  }
  return missing
}

/** Does something about what waits until all that was chosen had its turn. */
async function act(context: Context, action: Action, service = '', choice: Choice): Promise<number> {
  const { output } = context
  if (action !== 'redrive' && !choice.stream && !choice.handler && !choice.code && !choice.message)
    throw new UsageError(
      `what is given up is chosen: by --stream, --handler${action === 'discard' ? ', --code or --message' : ' or --code'}`,
    )
  const api = context.api(service)
  const items: ActedAnswer['items'][number][] = []
  const tried = new Set<string>()
  let left = false
  let failure: unknown
  for (;;) {
    output.progress(`${action} ${service}: ${items.length} done`)
    const answer = await api.post<ActedAnswer>(`parked/${action}`, choice).catch((error: unknown) => {
      failure = error
    })
    if (answer === undefined) break
    const fresh = answer.items.filter((each) => !tried.has(formatKey(each)))
    for (const each of fresh) tried.add(formatKey(each))
    items.push(...fresh)
    // A stream may wait for its next event now: asked once more, that would be given up too. And what still
    // waits is chosen again before what has not had its turn: then nothing comes forward.
    if (!answer.more || action === 'skip' || fresh.length === 0) {
      left = answer.more
      break
    }
  }
  // What was done before is told all the same.
  if (failure !== undefined && items.length === 0) throw failure
  if (left) output.remark('more was chosen than could be tried: choose by --stream, --handler or --code, and ask again')
  if (output.json) output.value({ items, more: left })
  else if (items.length === 0) output.line('nothing waits')
  else
    output.table(
      [{ title: 'consumer' }, { title: 'what', flexible: true }, { title: 'became' }],
      items.map((item) => [item.consumer, formatName(item), BECAME[item.outcome]]),
      (index) => (isLeft(items[index]?.outcome) ? 'red' : undefined),
    )
  const failed = items.filter(({ outcome }) => isLeft(outcome))
  for (const item of failed)
    output.remark(`${item.code ?? 'waits'}: ${formatName(item)} still waits: ${item.reason ?? ''}`)
  if (failure !== undefined) throw failure
  return left || failed.length > 0 ? FOUND : 0
}

const BECAME = {
  done: 'taken up',
  waits: 'still waits',
  needless: 'nobody needs it any more',
  discarded: 'given up',
  failed: 'still waits',
}

function isLeft(outcome: ActedAnswer['items'][number]['outcome'] | undefined): boolean {
  return outcome === 'waits' || outcome === 'failed'
}

function formatKey({ consumer, handler, stream, message }: ActedAnswer['items'][number]): string {
  return [consumer, handler, stream, message].join('\n')
}

function formatName({ handler, stream, message }: ActedAnswer['items'][number]): string {
  return message === undefined ? `${handler}: ${stream}` : `message ${message}`
}
