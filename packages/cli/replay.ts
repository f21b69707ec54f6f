import { SingleBar } from 'cli-progress'
import { compose } from 'tidemark/azure-functions'
import { INTERRUPTED, readSubjects, runCommand, UsageError } from './command-line/arguments.ts'
import { cloudAccount, localAccount } from './cosmos-account.ts'
import { serviceNamed } from './project/known-services.ts'

/**
 * What an end before the end leaves behind, by how far it had come; queries read a complete generation
 * whatever it is.
 */
const LEFT_BEHIND = {
  reading: 'queries read what they read before; the next replay of this view clears what was built',
  handover:
    'queries read what they read before; until the next replay of this view, projections write the unfinished generation too',
  live: 'queries read the new generation, which is complete; the next replay of this view clears up after this one',
}

/**
 * `npm run replay -- <service> <view> [--back] [--cloud]`: builds the view's next generation from the
 * service's log beside the live one, and lets queries read it; or lets them read the one before again.
 */
async function replay(): Promise<void> {
  const { service: serviceName, view: viewName, back, cloud } = readSubjects(['service', 'view'], {}, ['back', 'cloud'])
  const service = serviceNamed(serviceName)
  const view = service.views.find(({ name }) => name === viewName)
  if (view === undefined)
    throw new UsageError(
      `${serviceName} has no view ${viewName}; it has ${service.views.map(({ name }) => name).join(', ')}`,
    )
  const account = cloud ? cloudAccount(serviceName) : await localAccount()
  const bar = new SingleBar({ format: 'events {bar} {value}/{total} {eta}s', clearOnComplete: false })
  let stage: keyof typeof LEFT_BEHIND | undefined
  process.once('SIGINT', () => {
    bar.stop()
    console.error(`stopped: ${stage ? LEFT_BEHIND[stage] : 'nothing was built'}`)
    process.exit(INTERRUPTED)
  })
  await account.reach()

  const started = performance.now()
  try {
    const { rebuildView: replay, rollBack: goBack } = compose(service, account.settings)
    const done = await (back ? goBack : replay)(view, {
      begin(target, live, total) {
        stage = 'reading'
        console.log(`view             ${serviceName}/${viewName} at ${account.address}`)
        console.log(`generation       ${target}, beside ${live} that queries read`)
        bar.start(total, 0)
      },
      read(events) {
        bar.setTotal(Math.max(bar.getTotal(), events))
        bar.update(events)
      },
      stage(now) {
        if (now === 'handover' || now === 'live') stage = now
      },
    }).finally(() => bar.stop())
    const seconds = (performance.now() - started) / 1000
    console.log(`read             ${done.events} events of ${done.streams} streams in ${seconds.toFixed(1)} s`)
    console.log(`live             generation ${done.live}; --back goes back to ${done.previous}`)
  } catch (error) {
    if (!(error instanceof Error && error.name === 'TidemarkError')) throw error
    const left = stage ? `; ${LEFT_BEHIND[stage]}` : ''
    throw new UsageError(`${(error as Error & { code?: string }).code}: ${error.message}${left}`)
  }
}

await runCommand(replay)
