import { SingleBar } from 'cli-progress'
import { INTERRUPTED, readSubjects, runCommand } from './arguments.ts'
import { cloudAccount, localAccount } from './cosmos-account.ts'
import { serviceNamed } from './known-services.ts'
import { verifyLog } from './verify/log.ts'
import type { Fault } from './verify/stream-check.ts'

const SHOWN_FAULTS = 1000
const NOT_TOLD = 'whether newest commits or a whole stream were removed, or the end of a stream was written again'

/**
 * `npm run verify -- <service> [--cloud]`: checks the hash chain of every stream of a service's log, and names each place that is
 * not as it was written.
 */
async function verify(): Promise<void> {
  const { service, cloud } = readSubjects(['service'], {}, ['cloud'])
  serviceNamed(service)
  const bar = new SingleBar({ format: 'items {bar} {value}/{total} {eta}s', clearOnComplete: false })
  // The log is only read: there is nothing to finish.
  process.once('SIGINT', () => {
    bar.stop()
    console.error('stopped: nothing is said about the rest')
    process.exit(INTERRUPTED)
  })
  const account = cloud ? cloudAccount(service) : localAccount()
  console.log(`log              ${service} at ${account.address}`)
  await account.reach()

  const log = (await account.client()).database(service).container('events')
  const { resources } = await log.items.query<number>('SELECT VALUE COUNT(1) FROM c').fetchAll()
  bar.start(resources[0] ?? 0, 0)
  const shown: Fault[] = []
  let faults = 0
  const { streams, commits, events, receipts } = await verifyLog(log, {
    progress: (items) => bar.increment(items),
    fault(fault) {
      faults += 1
      if (shown.length < SHOWN_FAULTS) shown.push(fault)
    },
  }).finally(() => bar.stop())

  console.log(`checked          ${streams} streams, ${commits} commits, ${events} events, ${receipts} receipts`)
  for (const { place, wrong, detail } of shown) console.error(`${place}: ${wrong}: ${detail}`)
  if (faults > shown.length) console.error(`and ${faults - shown.length} more`)
  if (faults > 0 || events === 0) {
    console.error(faults > 0 ? `failed: ${faults} faults` : 'failed: there is no event')
    process.exitCode = 1
    return
  }
  console.log('every event is what its hash says, and follows the one before it')
  console.log(`cannot be told   ${NOT_TOLD}`)
}

await runCommand(verify)
