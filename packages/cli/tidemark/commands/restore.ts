import type { CosmosClient } from '@azure/cosmos'
import type { Command } from 'commander'
import { isTidemarkError } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { listReactions } from 'tidemark/tools'
import { readSegments, verifyArchive, verifyViews } from 'tidemark/verify'
import { UnreachableError } from '../../api/errors.ts'
import { INTERRUPTED } from '../../command-line/arguments.ts'
import { archiveConnection } from '../../project/archive-account.ts'
import { openArchiveContainer } from '../../project/archive-container.ts'
import { cloudAccount, localAccount } from '../../project/cosmos-account.ts'
import { recordingServiceNamed } from '../../project/known-services.ts'
import { PROJECT } from '../../project/project.ts'
import { ItemIndex } from '../../restore/item-index.ts'
import { serviceArgument } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { Output } from '../output/output.ts'

interface Options {
  readonly yes?: true
  readonly stopped?: true
  readonly fromHub?: true
  readonly schedule?: true
  readonly cloud?: true
  readonly json?: true
}

type Service = ReturnType<typeof recordingServiceNamed>
type Composed = ReturnType<typeof compose>
type Plan = Awaited<ReturnType<Composed['planRestore']>>

/** A service while it is restored. */
interface Restoring {
  readonly service: Service
  readonly composed: Composed
  readonly cosmos: CosmosClient
  readonly output: Output
  readonly cloud: boolean
}

/** How many faults are shown. */
const SHOWN = 100

export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('compares a stopped service’s log with its archive; with --yes makes the log whole, and what follows')
    .addArgument(serviceArgument())
    .option('--yes', 'carry the plan out; default: only show it')
    .option('--stopped', 'the service is stopped, although it has run in the last minutes')
    .option('--from-hub', 'create the events, too, that only the hub has; some keys of their commands are lost')
    .option('--schedule', 'the schedule was lost, too: publish again the logs that its commands come from')
    .option('--cloud', 'the log and the archive in Azure, with your own sign-in; default: those of the local cloud')
    .option('--json', 'print JSON, for programs')
    .addHelpText(
      'after',
      `${examples('restore ordering', 'restore ordering --yes --stopped', 'restore ordering --yes --cloud')}

Stop the service first. It creates items and never changes one, so you may stop it and run it again.`,
    )
    .action(async (name: string, options: Options) => {
      const output = new Output({ json: options.json === true })
      process.once('SIGINT', () => {
        output.remark('stopped: run it again for the rest')
        process.exit(INTERRUPTED)
      })
      try {
        process.exitCode = await restore(name, options, output)
      } catch (error) {
        if (!isTidemarkError(error)) throw error
        if (error.retriable) throw new UnreachableError(`${error.message}; then run it again`)
        output.remark(`${error.code}: ${error.message}`)
        process.exitCode = FOUND
      } finally {
        output.end()
      }
    })
}

async function restore(name: string, options: Options, output: Output): Promise<number> {
  // The settings are files of the project.
  process.chdir(PROJECT)
  const service = recordingServiceNamed(name)
  const cloud = options.cloud === true
  const account = cloud ? cloudAccount(name) : await localAccount()
  await account.reach()
  const archive = await archiveConnection(name, cloud)
  const settings = 'connectionString' in archive ? { ArchiveStorage: archive.connectionString } : {}
  const composed = compose(service, { ...account.settings, ...settings })
  const cosmos = await account.client()
  const index = new ItemIndex()
  try {
    const restoring = { service, composed, cosmos, output, cloud }
    const plan = await planned(restoring, index, options)
    if (plan.archive.segments === 0) output.remark(`${name}: its archive has no segment to restore from`)
    if (plan.refusal || plan.archive.segments === 0) return FOUND
    if (!options.yes) return 0
    await carryOut(restoring, index, plan)
    const isRight = (await verifyLog(restoring)) && (await restoreViews(restoring))
    if (isRight && options.schedule) for (const other of listScheduling(service)) await publishAgain(restoring, other)
    if (isRight)
      say(output, 'next             start the service: its relay publishes the log, and consumers skip what they know')
    return isRight ? 0 : FOUND
  } finally {
    index.close()
    cosmos.dispose()
    await composed.close()
  }
}

/** Makes the plan and prints it. */
async function planned({ composed, output, service }: Restoring, index: ItemIndex, options: Options): Promise<Plan> {
  const read = { archive: 0, log: 0, written: 0 }
  const plan = await composed.planRestore(
    index,
    { stopped: options.stopped === true, fromHub: options.fromHub === true },
    {
      progress(what, items) {
        read[what] += items
        output.progress(`${service.name}: ${read.archive} items of the archive, ${read.log} of the log`)
      },
    },
  )
  const { refusal, fromHub, ...found } = plan
  if (output.json) output.value({ service: service.name, ...found, ...(refusal ? { refusal: refusal.code } : {}) })
  else
    for (const line of [...describe(plan, options), ...describeSchedule(service, options), ...OTHERS]) output.line(line)
  if (refusal) output.remark(`${refusal.code}: ${refusal.message}`)
  return plan
}

/** One line for each part of the plan. A consequence is only named if there is one. */
function describe({ archive, log, running, leases, hub }: Plan, options: Options): readonly string[] {
  const items = log.equal + log.missing + log.conflicts
  const newest = archive.newest === undefined ? '' : `, up to ${archive.newest}`
  const count = (found: number, what: string, then: string): string => `${found} ${what}${found > 0 ? `: ${then}` : ''}`
  return [
    `archive          ${items} items in ${archive.segments} segments${newest}`,
    `equal            ${log.equal} of them are in the log as they were archived`,
    `missing          ${count(log.missing, 'are not in the log', 'they will be created')}`,
    `otherwise        ${count(log.conflicts, 'are in the log with other content', 'nothing can be done')}`,
    `beyond           ${count(log.beyond, 'items of the log are not archived yet', 'they stay')}`,
    `outside feed     ${log.outsideFeed} items of the log are not in its change feed`,
    `running          ${running.length} instances of the service`,
    `next segment     ${archive.goesOn ? 'the archive goes on' : 'a restore record, after which the archive goes on'}`,
    `leases           ${count(leases, 'of the relay', 'they will be removed, and the whole log is published again')}`,
    ...describeHub(hub, options),
    'views            compared with the restored log; if one differs, all are rebuilt',
  ]
}

const OTHERS = [
  'snapshots        nothing to do: one that does not fit the log is ignored',
  'parked streams   nothing to do: they are processed when the service runs',
]

function describeHub({ messages, lost, first, whole, unread }: Plan['hub'], options: Options): readonly string[] {
  if (unread !== undefined)
    return [`hub              it could not be read, so nobody knows what followers saw: ${unread}`]
  if (lost === 0) return [`hub              its newest ${messages} messages are of the log or the archive`]
  const [created, left] = options.fromHub ? [whole, lost - whole] : [0, lost]
  const then = created > 0 ? ['they will be created'] : []
  const stayLost = left > 0 ? [`${left} of them stay lost, and other events will take their versions`] : []
  const hint = !options.fromHub && whole > 0 ? [`--from-hub creates ${whole} of them`] : []
  return [
    `hub              ${lost} events are only in its newest ${messages} messages: ${first.join(', ')}`,
    ...[...then, ...stayLost, ...hint].map((line) => `                 ${line}: docs/restore.md`),
  ]
}

function describeSchedule(service: Service, options: Options): readonly string[] {
  const others = listScheduling(service).join(', ')
  if (others === '') return []
  return options.schedule
    ? [`schedule         ${others}: published again, so that reactions schedule their commands again`]
    : [`schedule         not compared; if it was lost, --schedule publishes again what it is made from: ${others}`]
}

/** The other services whose events lead to scheduled commands. The own log is published again anyway. */
function listScheduling(service: Service): readonly string[] {
  const sources = listReactions(service).flatMap((each) => (each.schedules ? [each.service] : []))
  return [...new Set(sources)].filter((name) => name !== service.name)
}

/**
 * Publishes the log of another service again. The messages wait in its hub until the restored service runs: its
 * process is new, so it handles them all, and what has taken effect has none.
 */
async function publishAgain({ output, cloud }: Restoring, name: string): Promise<void> {
  const { settings } = cloud ? cloudAccount(name) : await localAccount()
  const composed = compose(recordingServiceNamed(name), settings)
  try {
    const events = await composed.republish(undefined, (published) =>
      output.progress(`${name}: ${published} events published`),
    )
    say(output, `schedule         ${events} events of ${name} published again`)
  } finally {
    await composed.close()
  }
}

async function carryOut({ composed, output, service }: Restoring, index: ItemIndex, plan: Plan): Promise<void> {
  let written = 0
  const done = await composed.restore(index, plan, {
    progress(_, items) {
      written += items
      output.progress(`${service.name}: ${written} of ${plan.log.missing} items created`)
    },
  })
  const { written: items, fromHub, segments, leases } = done
  if (items + fromHub + segments + leases === 0) return say(output, 'restored         nothing to do: the log is whole')
  const created = `${items} items created${fromHub > 0 ? `, ${fromHub} commits of the hub` : ''}`
  say(output, `restored         ${created}, ${segments} segments added, ${leases} leases removed`)
}

/** Results are for people here. With --json the plan is the only result. */
function say(output: Output, line: string): void {
  if (output.json) output.remark(line)
  else output.line(line)
}

/** Compares the log with the archive, with independent code. */
async function verifyLog({ service, cosmos, output, cloud }: Restoring): Promise<boolean> {
  const faults = new Faults(output)
  let items = 0
  const { log } = await verifyArchive(
    {
      service: service.name,
      segments: readSegments(await openArchiveContainer(service.name, cloud)),
      log: cosmos.database(service.name).container('events'),
    },
    {
      progress(more) {
        items += more
        output.progress(`${service.name}: ${items} items verified`)
      },
      fault: (fault) => faults.add(fault),
    },
  )
  if (faults.count > 0) return faults.fail()
  say(output, `verified         ${log?.events ?? 0} events of ${log?.streams ?? 0} streams: the log equals the archive`)
  return true
}

/** Compares the views with the log, and rebuilds all of them if one differs or is behind. */
async function restoreViews(restoring: Restoring): Promise<boolean> {
  const { service, composed, output } = restoring
  if (service.views.length === 0) return true
  if (await compareViews(restoring, () => {})) {
    say(output, `views            ${service.views.length} compared: none differs from the log`)
    return true
  }
  for (const view of service.views) {
    let events = 0
    const { live } = await composed.rebuildView(view, {
      begin() {},
      read(read) {
        events = read
        output.progress(`${service.name}/${view.name}: ${events} commits read`)
      },
      stage() {},
    })
    say(output, `rebuilt          ${view.name}: generation ${live}, from ${events} commits`)
  }
  const faults = new Faults(output)
  return (await compareViews(restoring, (fault) => faults.add(fault))) || faults.fail()
}

/** @returns whether every document follows from the log, and none is missing. */
async function compareViews({ service, cosmos }: Restoring, report: (fault: Fault) => void): Promise<boolean> {
  let wrong = 0
  const counts = await verifyViews(cosmos.database(service.name), service, {
    begin() {},
    read() {},
    fault(fault) {
      wrong += 1
      report(fault)
    },
    unchecked(place, detail) {
      wrong += 1
      report({ place, wrong: 'cannot be compared', detail })
    },
  })
  for (const { view, behind } of counts)
    if (behind > 0) report({ place: view, wrong: 'behind', detail: `${behind} streams have events that it lacks` })
  return wrong === 0 && counts.every(({ behind }) => behind === 0)
}

interface Fault {
  readonly place: string
  readonly wrong: string
  readonly detail: string
}

class Faults {
  readonly #output: Output
  count = 0

  constructor(output: Output) {
    this.#output = output
  }

  add({ place, wrong, detail }: Fault): void {
    this.count += 1
    if (this.count <= SHOWN) this.#output.remark(`${place}: ${wrong}: ${detail}`)
  }

  fail(): false {
    this.#output.remark(`failed: ${this.count} faults`)
    return false
  }
}
