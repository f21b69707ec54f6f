import { isTidemarkError } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { INTERRUPTED, readSubjects, runCommand, UsageError } from './command-line/arguments.ts'
import { cloudAccount, localAccount } from './project/cosmos-account.ts'
import { recordingServiceNamed } from './project/known-services.ts'

/**
 * The given time is the time of the hub. Events were written earlier, by the lag of the relay. Allows for
 * that, in milliseconds.
 */
const MARGIN_MS = 3_600_000
const REPORT_EVERY_MS = 1_000

/**
 * `npm run republish -- <service> [--since TIME] [--cloud]`: publishes the service's log again: all of it, or
 * the events since a time. It may be stopped and run again, because consumers skip events they have handled.
 */
async function main(): Promise<void> {
  const { service: name, since, cloud } = readSubjects(['service'], { since: 'TIME' }, ['cloud'])
  const service = recordingServiceNamed(name)
  const account = cloud ? cloudAccount(name) : await localAccount()
  const begin = since === undefined ? undefined : parseSince(since)
  await account.reach()
  process.once('SIGINT', () => {
    console.error('stopped: run it again to publish the rest')
    process.exit(INTERRUPTED)
  })
  let reportedAt = 0
  try {
    const count = await compose(service, account.settings).republish(begin, (events) => {
      if (performance.now() - reportedAt < REPORT_EVERY_MS) return
      reportedAt = performance.now()
      console.log(`published        ${events} events`)
    })
    console.log(`published        ${count} events of ${name}${begin ? ` written since ${begin}` : ''}: all there are`)
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    throw new UsageError(`${error.code}: ${error.message}; run it again for the rest`)
  }
  // The client of the hub keeps its connection open.
  process.exit()
}

function parseSince(since: string): string {
  const time = Date.parse(since)
  if (Number.isNaN(time)) throw new UsageError(`--since must be a time such as 2026-01-31T12:00:00Z, not ${since}`)
  return new Date(time - MARGIN_MS).toISOString()
}

await runCommand(main)
