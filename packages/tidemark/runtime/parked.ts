import { describeError, findTidemarkError, TidemarkError } from '../core/errors.ts'
import type {
  ConsumerParkedMessage,
  ConsumerParkedStream,
  DiscardReason,
  Parked,
  ParkedAction,
  ParkedActionResult,
  ParkedChoice,
  ParkedMessage,
  StoredParkedStream,
} from '../core/parking.ts'
import type { Trace } from '../core/reaction.ts'
import { parseViewName } from './cursors.ts'
import type { Redrive } from './redrive.ts'

/**
 * Lists the parked streams and messages of a service that match the choice.
 * @throws TidemarkError `unavailable`
 */
export async function listParked(redrives: readonly Redrive[], choice: ParkedChoice): Promise<Parked> {
  const all = await Promise.all(redrives.map((redrive) => redrive.waiting()))
  return {
    streams: all.flatMap(({ consumer, streams }) =>
      streams.filter((stream) => isChosenStream(stream, choice)).map((stream) => ({ consumer, stream })),
    ),
    messages: all.flatMap(({ consumer, messages }) =>
      messages.filter((message) => isChosenMessage(message, choice)).map((message) => ({ consumer, message })),
    ),
  }
}

/**
 * Selects parked streams and messages for an action. A message that is not an event can only be discarded,
 * because a redrive would fail again.
 * @throws TidemarkError `invalid-command` if everything would be discarded; `not-parked` if nothing matches
 * the choice; `unavailable`
 */
export async function chooseParked(
  redrives: readonly Redrive[],
  choice: ParkedChoice,
  action: ParkedAction,
): Promise<readonly (ConsumerParkedStream | ConsumerParkedMessage)[]> {
  const choices = Object.values(choice).filter((each) => each !== undefined)
  if (action !== 'redrive' && choices.length === 0)
    throw new TidemarkError('invalid-command', 'choose what to discard: by stream, handler, code or message')
  const { streams, messages } = await listParked(redrives, choice)
  const chosen = [...streams, ...(action === 'discard' ? messages : [])]
  if (choices.length > 0 && chosen.length === 0)
    throw new TidemarkError('not-parked', `nothing is parked that matches ${choices.join(', ')}`)
  return chosen
}

/** Acts on the chosen entries one after another and yields each result. A failure does not stop the others. */
export async function* actOnParked(
  redrives: readonly Redrive[],
  chosen: readonly (ConsumerParkedStream | ConsumerParkedMessage)[],
  action: ParkedAction,
  why: DiscardReason,
  trace: Trace,
): AsyncGenerator<ParkedActionResult> {
  for (const each of chosen) {
    const redrive = redrives.find(({ consumer }) => consumer === each.consumer)
    if (redrive === undefined) throw new TidemarkError('internal', `there is no consumer ${each.consumer}`)
    yield await tryAction(each, async () => {
      if ('message' in each) {
        await redrive.discardMessage(each.message.id, why, trace)
        return { outcome: 'discarded' }
      }
      if (action === 'redrive') return redrive.redrive(each.stream, trace)
      return redrive.discard(each.stream, action === 'skip' ? 'first' : 'all', why, trace)
    })
  }
}

async function tryAction(
  what: ConsumerParkedStream | ConsumerParkedMessage,
  attempt: () => Promise<Pick<ParkedActionResult, 'outcome' | 'reason'>>,
): Promise<ParkedActionResult> {
  try {
    const { outcome, reason } = await attempt()
    return { ...what, outcome, ...(reason === undefined ? {} : { reason }) }
  } catch (error) {
    const known = findTidemarkError(error)
    if (known === undefined) throw error
    return { ...what, outcome: 'failed', code: known.code, reason: describeError(known) }
  }
}

function isChosenStream(parked: StoredParkedStream, { stream, handler, code, message }: ParkedChoice): boolean {
  return (
    message === undefined &&
    (stream === undefined || stream === parked.stream) &&
    (code === undefined || code === parked.code) &&
    (handler === undefined || handler === parked.handler || handler === parseViewName(parked.handler))
  )
}

function isChosenMessage(parked: ParkedMessage, { stream, handler, code, message }: ParkedChoice): boolean {
  return (
    stream === undefined &&
    handler === undefined &&
    (code === undefined || code === parked.code) &&
    (message === undefined || message === parked.id)
  )
}
