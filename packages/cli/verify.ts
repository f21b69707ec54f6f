import assert from 'node:assert/strict'
import type { Container, Database } from '@azure/cosmos'
import type { ContainerClient } from '@azure/storage-blob'
import { SingleBar } from 'cli-progress'
import { hasLog } from 'tidemark/tools'
import { type DeclaredService, readSegments, verifyArchive, verifyLog, verifyViews } from 'tidemark/verify'
import { INTERRUPTED, readSubjects, runCommand } from './command-line/arguments.ts'
import { openArchiveContainer } from './project/archive-container.ts'
import { cloudAccount, localAccount } from './project/cosmos-account.ts'
import { recordingServiceNamed, serviceNamed } from './project/known-services.ts'
import { openSourceHistory } from './project/source-history.ts'

const SHOWN_FAULTS = 1000
const NOT_VERIFIABLE = 'what somebody changed before it was archived'
const NOT_VERIFIABLE_ALONE =
  'whether the newest commits or a whole stream were removed, or the end of a stream was rewritten, ' +
  'together with the documents: only an archive shows it'

/**
 * `npm run verify -- <service> [--log] [--no-archive] [--root ROOT] [--cloud]`: checks the hash chain of every
 * stream in a service's log, and compares each item with the archive. Names each place that was changed. Then
 * compares the documents of its views with the log, unless the log is damaged or `--log` is given. Views over
 * several services are compared with what the archives and hubs of those make of them.
 */
async function verify(): Promise<void> {
  const {
    service,
    cloud,
    root,
    log: logAlone,
    'no-archive': noArchive,
  } = readSubjects(['service'], { root: 'ROOT' }, ['log', 'no-archive', 'cloud'])
  const declared = logAlone || root || noArchive ? recordingServiceNamed(service) : serviceNamed(service)
  const bar = new SingleBar({ format: '{what} {bar} {value}/{total} {eta}s', clearOnComplete: false })
  // It only reads, so there is nothing to finish.
  process.once('SIGINT', () => {
    bar.stop()
    console.error('stopped: the rest was not checked')
    process.exit(INTERRUPTED)
  })
  const account = cloud ? cloudAccount(service) : await localAccount()
  console.log(`${hasLog(declared) ? 'log  ' : 'views'}            ${service} at ${account.address}`)
  await account.reach()

  const database = (await account.client()).database(service)
  const container = noArchive || !hasLog(declared) ? undefined : await openArchiveContainer(service, cloud)
  if (hasLog(declared)) {
    await verifyItems({ service, log: database.container('events'), ...(root ? { root } : {}) }, container, bar)
    if (process.exitCode) return
  }
  if (!logAlone && declared.views.length > 0)
    await verifyDocuments(database, declared, bar, (name) => openSourceHistory(name, cloud, account.settings))
  if (process.exitCode) return
  if (hasLog(declared)) console.log(`not verifiable   ${container ? NOT_VERIFIABLE : NOT_VERIFIABLE_ALONE}`)
  for (const source of listSources(declared))
    console.log(`not verified     whether the archive of ${source} is whole: npm run verify -- ${source}`)
}

/** The services that the views of a service follow. */
function listSources({ views }: ReturnType<typeof serviceNamed>): ReadonlySet<string> {
  const sources = views.flatMap((view) => (view.kind === 'many-services' ? view.sources : []))
  return new Set(sources.map(({ service }) => service))
}

/** Checks a log alone, or with its archive. */
async function verifyItems(
  { log, ...options }: { readonly service: string; readonly log: Container; readonly root?: string },
  container: ContainerClient | undefined,
  bar: SingleBar,
): Promise<void> {
  const { resources } = await log.items.query<number>('SELECT VALUE COUNT(1) FROM c').fetchAll()
  // An archive has about as many items as its log.
  bar.start((resources[0] ?? 0) * (container ? 2 : 1), 0, { what: 'log  ' })
  const faults = new Faults()
  const watch = {
    progress: (items: number) => bar.increment(items),
    fault: (fault: Fault) => faults.add(fault),
  }
  const checked = await (container
    ? verifyArchive({ ...options, segments: readSegments(container), log }, watch)
    : verifyLog(log, watch).then((counted) => ({ log: counted }))
  ).finally(() => bar.stop())

  const { streams, commits, events, receipts } = checked.log ?? assert.fail('the log was not checked')
  console.log(`checked          ${streams} streams, ${commits} commits, ${events} events, ${receipts} receipts`)
  if (faults.count > 0 || events === 0) return faults.fail('there is no event')
  console.log('every event matches its hash, and follows the one before it')
  if ('archive' in checked) reportArchive(checked)
}

function reportArchive({ archive, log }: Awaited<ReturnType<typeof verifyArchive>>): void {
  const { segments, items, root } = archive
  if (segments > 0) {
    console.log(
      `archived         ${items} items in ${segments} segments: the log has all of them, as they were written`,
    )
    console.log(`root             ${root}: keep it, and pass it to a later check with --root`)
  }
  if (log?.unanchored)
    console.log(`not archived     ${log.unanchored} items since ${log.oldest}: nothing shows whether they were changed`)
}

/** Compares the documents of a service's views with its log. */
async function verifyDocuments(
  database: Database,
  service: DeclaredService & { readonly name: string },
  bar: SingleBar,
  openSource: (service: string) => ReturnType<typeof openSourceHistory>,
): Promise<void> {
  const faults = new Faults()
  const histories: ReturnType<typeof openSourceHistory>[] = []
  const sources = (name: string) => {
    const history = openSource(name)
    histories.push(history)
    return history
  }
  const unchecked = new Map<string, { count: number; readonly first: string }>()
  let total = 0
  bar.start(0, 0, { what: 'views' })
  const watch = {
    begin(items: number) {
      total += items
      bar.setTotal(total)
    },
    read: (items: number) => bar.increment(items),
    fault: (fault: Fault) => faults.add(fault),
    unchecked(view: string, why: string) {
      const before = unchecked.get(view)
      if (before) before.count += 1
      else unchecked.set(view, { count: 1, first: why })
    },
  }
  const counts = await verifyViews(database, service, watch, { sources }).finally(async () => {
    bar.stop()
    for (const history of histories) await history.close()
  })

  console.log(`compared         ${counts.map(({ view, documents }) => `${view} ${documents} documents`).join(', ')}`)
  for (const { view, behind, parked, givenUp, moving, unsure } of counts)
    for (const [count, line] of [
      [behind, `behind           ${behind} streams have events that ${view} has not processed yet`],
      [parked, `parked           ${parked} streams wait for ${view}: npm run parked -- ${service.name}`],
      [givenUp, `discarded        ${givenUp} events were discarded for ${view}, which does not contain them`],
      [moving, `moving           ${moving} documents of ${view} were written during every comparison`],
      [unsure, `unsure           ${unsure} documents of ${view} differ by events whose markers are gone: rebuild it`],
    ] as const)
      if (count > 0) console.log(line)
  for (const [view, { count, first }] of unchecked)
    faults.add({
      place: view,
      wrong: 'cannot be compared',
      detail: `${first}${count > 1 ? `, and ${count - 1} more` : ''}`,
    })
  const documents = counts.reduce((sum, count) => sum + count.documents, 0)
  if (faults.count > 0 || documents === 0) faults.fail('there is no document')
  else console.log('every document follows from the events of its streams')
}

type Fault = { readonly place: string; readonly wrong: string; readonly detail: string }

/** The faults found; only the first ones are shown. */
class Faults {
  readonly #shown: Fault[] = []
  count = 0

  add(fault: Fault): void {
    this.count += 1
    if (this.#shown.length < SHOWN_FAULTS) this.#shown.push(fault)
  }

  /** @param otherwise the reason to fail if there is no fault. */
  fail(otherwise: string): void {
    for (const { place, wrong, detail } of this.#shown) console.error(`${place}: ${wrong}: ${detail}`)
    if (this.count > this.#shown.length) console.error(`and ${this.count - this.#shown.length} more`)
    console.error(this.count > 0 ? `failed: ${this.count} faults` : `failed: ${otherwise}`)
    process.exitCode = 1
  }
}

await runCommand(verify)
