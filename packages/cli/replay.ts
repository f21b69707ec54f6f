import { SingleBar } from 'cli-progress'
import { isTidemarkError } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { INTERRUPTED, readSubjects, runCommand, UsageError } from './command-line/arguments.ts'
import { cloudAccount, localAccount } from './project/cosmos-account.ts'
import { serviceNamed } from './project/known-services.ts'
import { findView } from './tidemark/command/declared.ts'

/**
 * What an interrupted rebuild leaves behind, by its stage. Queries always read a complete generation.
 */
const LEFT_BEHIND = {
  reading: 'queries still read the old generation; the next rebuild of this view removes what was built',
  handover:
    'queries still read the old generation; until the next rebuild of this view, ' +
    'projections write the unfinished generation too',
  live: 'queries read the new generation, which is complete; the next rebuild of this view cleans up',
}

/**
 * `npm run replay -- <service> <view> [--back] [--cloud]`: rebuilds a view. Builds its next generation from
 * the service's log, beside the live one, and promotes it. With `--back` rolls back to the previous
 * generation.
 */
async function rebuild(): Promise<void> {
  const { service: serviceName, view: viewName, back, cloud } = readSubjects(['service', 'view'], {}, ['back', 'cloud'])
  const service = serviceNamed(serviceName)
  const view = findView(serviceName, viewName)
  const account = cloud ? cloudAccount(serviceName) : await localAccount()
  const bar = new SingleBar({
    format: 'commits {bar} {value}/{total} {pace} events/s, {eta} s left',
    clearOnComplete: false,
  })
  let stage: keyof typeof LEFT_BEHIND | undefined
  process.once('SIGINT', () => {
    bar.stop()
    console.error(`stopped: ${stage ? LEFT_BEHIND[stage] : 'nothing was built'}`)
    process.exit(INTERRUPTED)
  })
  await account.reach()

  const started = performance.now()
  let began = started
  try {
    const { rebuildView, rollBack } = compose(service, account.settings)
    const done = await (back ? rollBack : rebuildView)(view, {
      begin(target, live, total) {
        stage = 'reading'
        console.log(`view             ${serviceName}/${viewName} at ${account.address}`)
        console.log(`generation       ${target}, beside ${live}, which queries read`)
        bar.start(total, 0, { pace: 0 })
        began = performance.now()
      },
      read(commits, _, events) {
        bar.setTotal(Math.max(bar.getTotal(), commits))
        bar.update(commits, { pace: Math.round((events * 1000) / (performance.now() - began)) })
      },
      stage(now) {
        if (now === 'handover' || now === 'live') stage = now
      },
    }).finally(() => bar.stop())
    const seconds = (performance.now() - started) / 1000
    console.log(`read             ${done.events} events of ${done.streams} streams in ${seconds.toFixed(1)} s`)
    console.log(`live             generation ${done.live}; --back rolls back to ${done.previous}`)
  } catch (error) {
    if (!isTidemarkError(error)) throw error
    const left = stage ? `; ${LEFT_BEHIND[stage]}` : ''
    throw new UsageError(`${error.code}: ${error.message}${left}`)
  }
}

await runCommand(rebuild)
