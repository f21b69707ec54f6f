import { userInfo } from 'node:os'
import { compose } from '../src/compose.ts'
import type { ParkedMessage, StoredParkedStream } from '../src/core/parking.ts'
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

  const wanted = (parked: StoredParkedStream): boolean =>
    given.message === undefined &&
    (given.stream === undefined || given.stream === parked.stream) &&
    (given.code === undefined || given.code === parked.code) &&
    (given.handler === undefined || [parked.handler, parked.handler.split('@')[0]].includes(given.handler))
  const wantedMessage = ({ id, code }: ParkedMessage): boolean =>
    given.stream === undefined &&
    given.handler === undefined &&
    (given.code === undefined || given.code === code) &&
    (given.message === undefined || given.message === id)
  const why = { reason: reason ?? '', by }
  const trace = (): void => {}
  const found = { streams: 0, messages: 0 }
  const failures: string[] = []
  for (const each of await compose(service, account.settings).redrives()) {
    const { streams, messages } = await each.waiting()
    for (const parked of streams.filter(wanted)) {
      found.streams += 1
      tellStream(each.consumer, parked)
      if (!redrive && !skip && !discard) continue
      try {
        const done = await (redrive
          ? each.redrive(parked, trace)
          : each.discard(parked, skip ? 'first' : 'all', why, trace))
        console.log(`  → ${WHAT_BECAME[done.outcome]}${done.reason ? `: ${done.reason}` : ''}`)
        if (done.outcome === 'waits')
          failures.push(`${parked.code}: ${parked.stream} still waits for ${parked.handler}`)
      } catch (error) {
        failures.push(codeAndMessage(error))
        console.log(`  → it waits: ${failures.at(-1)}`)
      }
    }
    for (const message of messages.filter(wantedMessage)) {
      found.messages += 1
      tellMessage(each.consumer, message)
      if (!discard) continue
      await each.discardMessage(message.id, why, trace)
      console.log('  → given up')
    }
  }
  const chosen = [given.stream, given.handler, given.code, given.message].filter((each) => each !== undefined)
  if (chosen.length > 0 && found.streams + found.messages === 0)
    throw new UsageError(`not-parked: nothing of ${name} waits that is ${chosen.join(', ')}`)
  console.log(`${found.streams} streams and ${found.messages} messages`)
  const [failure] = failures
  if (failure !== undefined) throw new UsageError(failure)
  // The client of the hub keeps its connection.
  process.exit()
}

const WHAT_BECAME = { done: 'taken up', waits: 'it still waits', needless: 'nobody needs it any more' }

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

function codeAndMessage(error: unknown): string {
  if (!(error instanceof Error && error.name === 'TidemarkError')) throw error
  return `${(error as Error & { code?: string }).code}: ${error.message}`
}

await runCommand(main)
