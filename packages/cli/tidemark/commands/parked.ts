import { type Command, Option } from 'commander'
import type { ActedAnswer, ParkedAnswer } from '../../api/answers.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, askEach, type Context, serviceArgument, serviceArguments } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'

/** How many characters of a message's body are shown. */
const SHOWN = 200

interface Choice {
  readonly stream?: string
  readonly handler?: string
  readonly code?: string
  readonly message?: string
}

type Action = 'redrive' | 'skip' | 'discard'

const REASON = new Option('--reason <text>', 'the reason, stored for ever with your name').makeOptionMandatory()
const MESSAGE = new Option('--message <id>', 'the message with this id')

export function addParked(program: Command): void {
  const parked = program
    .command('parked')
    .description('streams and messages that could not be processed, and what to do about them')
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
        .description('lists what is parked, since when, and why')
        .addArgument(serviceArguments()),
    ).addHelpText('after', examples('parked', 'parked list ordering --stream order-17')),
    list,
  )
  apiCommand(
    choosing(
      parked
        .command('redrive')
        .description('retries what is parked, with the running code')
        .addArgument(serviceArgument()),
    ).addHelpText('after', examples('parked redrive ordering', 'parked redrive ordering --stream order-17')),
    (context, choice: Choice, service) => act(context, 'redrive', service, choice),
    () => GOES_ON,
  )
  apiCommand(
    choosing(
      parked
        .command('skip')
        .description('discards the event that blocks a stream, and processes the rest')
        .addArgument(serviceArgument()),
    )
      .addOption(REASON)
      .addHelpText('after', examples('parked skip ordering --stream order-17 --reason "ticket 12"')),
    (context, choice: Choice, service) => act(context, 'skip', service, choice),
    () => GOES_ON,
  )
  apiCommand(
    choosing(parked.command('discard').description('discards what is parked').addArgument(serviceArgument()))
      .addOption(MESSAGE)
      .addOption(REASON)
      .addHelpText('after', examples('parked discard ordering --stream order-17 --reason "a test order"')),
    (context, choice: Choice, service) => act(context, 'discard', service, choice),
    () => GOES_ON,
  )
}

const GOES_ON = 'stopped: the service finishes what it has begun; the rest is still parked'

function choosing(command: Command): Command {
  return command
    .option('--stream <stream>', 'only this stream')
    .option('--handler <name>', 'only this view, generation of a view (order@2) or reaction')
    .option('--code <code>', 'only with this error code')
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

/** Acts on what is parked, until everything selected has had its turn. */
async function act(context: Context, action: Action, service = '', choice: Choice): Promise<number> {
  const { output } = context
  if (action !== 'redrive' && !choice.stream && !choice.handler && !choice.code && !choice.message)
    throw new UsageError(
      `select what to discard: by --stream, --handler${action === 'discard' ? ', --code or --message' : ' or --code'}`,
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
    // Ask only once for `skip`: the stream may now be blocked by its next event, which would be skipped too.
    // Stop if nothing new came: what is still parked is selected again, and blocks the rest.
    if (!answer.more || action === 'skip' || fresh.length === 0) {
      left = answer.more
      break
    }
  }
  // Report what was done before a failure.
  if (failure !== undefined && items.length === 0) throw failure
  if (left) output.remark('not everything selected was tried: narrow it by --stream, --handler or --code, and repeat')
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
  done: 'processed',
  waits: 'still waits',
  needless: 'no longer needed',
  discarded: 'discarded',
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
