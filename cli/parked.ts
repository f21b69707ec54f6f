import { userInfo } from 'node:os'
import { compose } from '../src/compose.ts'
import type { ParkedChoice, ParkedMessage, StoredParkedStream } from '../src/core/parking.ts'
import { INTERRUPTED, readSubjects, runCommand, UsageError } from './arguments.ts'
import { cloudAccount, localAccount } from './cosmos-account.ts'
import { serviceNamed } from './known-services.ts'

/** How much of a message's body is shown. */
const SHOWN = 200

/**
 * `npm run parked -- <service>`: what waits because it could not be processed, and why. With `--redrive` it is tried again, with `--skip` without
 * the event that it waits for, with `--discard` it is given up. `--stream`, `--handler` and `--code` choose of it; `--reason` says why it is given up.
 */
async function main(): Promise<void> {
  try {
    await lookAfter()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'TidemarkError')) throw error
    throw new UsageError(`${(error as Error & { code?: string }).code}: ${error.message}`)
  }
}

async function lookAfter(): Promise<void> {
  const options = { stream: 'STREAM', handler: 'NAME', code: 'CODE', message: 'ID', reason: 'TEXT', by: 'NAME' }
  const flags = ['redrive', 'skip', 'discard', 'cloud'] as const
  const given = readSubjects(['service'], options, flags)
  const { service: name, redrive, skip, discard, cloud } = given
  if ([redrive, skip, discard].filter(Boolean).length > 1)
    throw new UsageError('one of --redrive, --skip and --discard at a time')
  const { reason, by = userInfo().username } = given
  if ((skip || discard) && !reason) throw new UsageError('what is given up needs --reason "why": it is kept for ever')
  if ((skip || discard) && !given.stream && !given.handler && !given.code && !given.message)
    throw new UsageError('what is given up is chosen: by --stream, --handler, --code or --message')
  const service = serviceNamed(name)
  const account = cloud ? cloudAccount(name) : localAccount()
  await account.reach()
  process.once('SIGINT', () => {
    console.error('stopped: what was taken up is taken up, all else still waits')
    process.exit(INTERRUPTED)
  })

  const composed = compose(service, account.settings)
  const choice: ParkedChoice = {
    ...(given.stream === undefined ? {} : { stream: given.stream }),
    ...(given.handler === undefined ? {} : { handler: given.handler }),
    ...(given.code === undefined ? {} : { code: given.code }),
    ...(given.message === undefined ? {} : { message: given.message }),
  }
  const action = redrive ? 'redrive' : skip ? 'skip' : discard ? 'discard' : undefined
  const { streams, messages } = await composed.parked(choice)
  for (const { consumer, stream } of streams) tellStream(consumer, stream)
  for (const { consumer, message } of messages) tellMessage(consumer, message)
  console.log(`${streams.length} streams and ${messages.length} messages`)
  const chosen = await composed.chooseParked(choice, action ?? 'discard')
  // The client of the hub keeps its connection.
  if (action === undefined) process.exit()
  let failure: string | undefined
  for await (const acted of composed.actOnParked(chosen, action, { reason: reason ?? '', by }, () => {})) {
    const what = 'stream' in acted ? `${acted.stream.handler}: ${acted.stream.stream}` : `message ${acted.message.id}`
    console.log(`${acted.consumer}: ${what}: ${WHAT_BECAME[acted.outcome]}${acted.reason ? `: ${acted.reason}` : ''}`)
    if (acted.outcome === 'waits' || acted.outcome === 'failed')
      failure ??= `${acted.code ?? 'waits'}: ${what} still waits: ${acted.reason}`
  }
  if (failure !== undefined) throw new UsageError(failure)
  process.exit()
}

const WHAT_BECAME = {
  done: 'taken up',
  waits: 'it still waits',
  needless: 'nobody needs it any more',
  discarded: 'given up',
  failed: 'it waits',
}

function tellStream(consumer: string, parked: StoredParkedStream): void {
  const { handler, stream, version, type, code, reason, since, attempts, events, nextAttempt } = parked
  console.log(
    `${consumer}: ${handler}: ${stream}@${version} ${type} since ${since}${events > 0 ? `, ${events} events` : ''}`,
  )
  console.log(`  ${code}: ${reason}`)
  console.log(`  tried ${attempts} times, again at ${nextAttempt}`)
}

function tellMessage(consumer: string, { id, since, bytes, code, reason, body }: ParkedMessage): void {
  console.log(`${consumer}: message ${id} since ${since}, ${bytes} bytes`)
  console.log(`  ${code}: ${reason}`)
  console.log(`  ${body.slice(0, SHOWN)}`)
}

await runCommand(main)
