import { type ArchiveEnd, checkFollows, encodeSegment, SEGMENT_BYTES, SEGMENT_ITEMS } from '../core/archive.ts'
import { type Commit, readCommitPosition, toLogItem } from '../core/commit.ts'
import { describeError, isTidemarkError, TidemarkError } from '../core/errors.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type { Archive, HubReader, ItemFeed, ItemIndex, ItemWriter, ProgressStore, RelayLeases } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import { readArchive, readSegment } from './archive.ts'
import { HubEvents } from './hub-events.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'

export interface RestoreDependencies {
  readonly service: string
  readonly archive: Archive
  /** The log, item by item. */
  readonly feed: ItemFeed
  readonly items: ItemWriter
  readonly leases: RelayLeases
  /** The progress of every consumer of the service. */
  readonly progress: () => readonly Pick<ProgressStore, 'read'>[]
  /** The service's own hub. */
  readonly hub: () => Pick<HubReader, 'partitions' | 'bounds' | 'read'>
}

/** What a restore found, before it writes anything. */
export interface RestorePlan {
  readonly archive: {
    readonly segments: number
    readonly items: number
    /** When the newest was written: RFC 3339, UTC. Absent: the archive is empty. */
    readonly newest?: string
    /** Whether the archive goes on after what the log has now. If not, a restore record is written. */
    readonly goesOn: boolean
  }
  readonly log: {
    /** How many archived items the log has as they were archived. */
    readonly equal: number
    readonly missing: number
    /** How many items the log has that no segment has. */
    readonly beyond: number
    /** Items that the log has otherwise than the archive; the first of them by name. */
    readonly conflicts: number
    readonly conflicting: readonly string[]
    /** How many items the change feed does not return, although a query finds them. */
    readonly outsideFeed: number
  }
  /** The instances that have written their progress lately: the service seems to run. */
  readonly running: readonly string[]
  /** The leases of the relay. */
  readonly leases: number
  /** What followers may have seen although neither the log nor the archive has it. */
  readonly hub: {
    /** How many of the newest messages were compared. */
    readonly messages: number
    /** How many events only the hub has. */
    readonly lost: number
    /** The positions of the first of them. */
    readonly first: readonly string[]
    /** How many of them continue their streams, so that they can be restored. */
    readonly whole: number
    /** Why the hub could not be read. */
    readonly unread?: string
  }
  /** What will be created from the hub, if that was asked for. */
  readonly fromHub: readonly Commit[]
  /** Why the log must not be written: `restore-conflict` or `restore-unsafe`. */
  readonly refusal?: TidemarkError
}

export interface RestoreOptions {
  /** The caller knows that the service is stopped, although it has run lately. */
  readonly stopped: boolean
  /** Create the events that only the hub has, too. All of its messages are then compared. Default: false. */
  readonly fromHub?: boolean
}

/** Receives the progress of a restore. */
export interface RestoreWatch {
  /** @param items of the archive, or of the log, that were read or written since the last call. */
  progress(what: 'archive' | 'log' | 'written', items: number): void
}

/** What a restore did. */
export interface RestoreResult {
  /** Items of the archive. */
  readonly written: number
  /** Commits of the hub. */
  readonly fromHub: number
  /** The segments that were added to the archive. */
  readonly segments: number
  readonly leases: number
}

/** Makes a service's log whole from its archive, while the service is stopped. */
export interface RestorePort {
  planRestore(index: ItemIndex, options: RestoreOptions, watch: RestoreWatch): Promise<RestorePlan>
  restore(index: ItemIndex, plan: RestorePlan, watch: RestoreWatch): Promise<RestoreResult>
}

/** An instance writes its progress every minute. An older one has ended. Seconds. */
const RUNNING_SECONDS = 150
/** How many places an error or a plan names. */
const NAMED = 20
/** How many of the newest messages of each partition are compared, unless the events are to be restored. */
const HUB_MESSAGES = 5_000

/**
 * Compares a log with its archive, and writes nothing. Each segment is checked against its roots and the segment
 * before it. Memory holds one segment; the rest is in the index.
 * @param index an empty one. `restore` takes the same.
 * @throws TidemarkError `archive-gap`, `archive-broken`, `archive-changed`, `archive-unreadable`; `unavailable`,
 *   `container-missing`
 */
export async function planRestore(
  deps: RestoreDependencies,
  index: ItemIndex,
  { stopped, fromHub = false }: RestoreOptions,
  watch: RestoreWatch,
): Promise<RestorePlan> {
  let archive: Omit<RestorePlan['archive'], 'goesOn'> = { segments: 0, items: 0 }
  for await (const { header, lines } of readArchive(deps.service, deps.archive)) {
    archive = { segments: header.number, items: archive.items + header.count, newest: header.newest }
    for (const line of lines) addArchived(index, parseItem(line))
    watch.progress('archive', lines.length)
  }
  const log = await compareLog(deps, index, watch)
  const inFeed = log.equal + log.conflicts + log.beyond
  const outsideFeed = Math.max(0, (await deps.items.count()) - inFeed)
  const { commits, ...hub } = await compareHub(deps, index, fromHub ? Number.POSITIVE_INFINITY : HUB_MESSAGES)
  const plan = {
    archive: { ...archive, goesOn: await archiveGoesOn(deps, index, archive.segments) },
    log: { ...log, missing: index.size - log.equal - log.conflicts, outsideFeed },
    running: stopped ? [] : await findRunning(deps),
    leases: await deps.leases.count(),
    hub: { ...hub, whole: commits.reduce((sum, { events }) => sum + events.length, 0) },
    fromHub: fromHub ? commits : [],
  }
  const refusal = findRefusal(deps.service, plan, fromHub)
  return refusal === undefined ? plan : { ...plan, refusal }
}

/**
 * Whether there is anything to restore. A log that nobody restored has no restore record at its archive's end; then
 * a restore writes one, and removes the leases of the relay.
 */
export function isRestored({ archive, log, leases, fromHub }: RestorePlan): boolean {
  return archive.goesOn && log.missing === 0 && leases === 0 && fromHub.length === 0
}

/**
 * Makes the log whole: creates every item that it lacks, as it was, in the order of each stream. Then it adds a
 * restore record to the archive, with which the archive continues the restored log, and removes the leases of the
 * relay, which belong to the log as it was. It may be stopped and run again, also twice at once.
 * @param plan of `planRestore`, made with the same index.
 * @throws TidemarkError `restore-conflict`, `restore-unsafe`: nothing is overwritten.
 */
export async function restore(
  deps: RestoreDependencies,
  index: ItemIndex,
  plan: RestorePlan,
  watch: RestoreWatch,
): Promise<RestoreResult> {
  if (plan.refusal) throw plan.refusal
  const written = plan.log.missing > 0 ? await writeMissing(deps, index, watch) : 0
  await writeFromHub(deps, plan.fromHub)
  const segments = plan.archive.segments > 0 && !isRestored(plan) ? await addRecords(deps, index, plan) : 0
  await deps.leases.clear()
  return { written, fromHub: plan.fromHub.length, segments, leases: plan.leases }
}

function findRefusal(
  service: string,
  { log, running, hub }: RestorePlan,
  wantsHub: boolean,
): TidemarkError | undefined {
  if (log.conflicts > 0) return conflict(service, log.conflicts, log.conflicting)
  if (log.outsideFeed > 0) {
    const why = `${log.outsideFeed} items of the log of ${service} are not in its change feed`
    const todo = 'delete the container events, provision it again, and restore into the empty one'
    return new TidemarkError('restore-unsafe', `${why}, so the relay would never publish them: ${todo}`)
  }
  if (wantsHub && hub.unread !== undefined) {
    const why = `the hub of ${service} cannot be read, so it is unknown which events only it has: ${hub.unread}`
    return new TidemarkError('restore-unsafe', why)
  }
  if (running.length === 0) return undefined
  const who = running.length === 1 ? 'an instance' : `${running.length} instances`
  const why = `${who} of ${service} ran in the last ${RUNNING_SECONDS} seconds: ${running.join(', ')}`
  return new TidemarkError('restore-unsafe', `${why}. Stop the app, then say so with --stopped`)
}

function conflict(service: string, count: number, places: readonly string[]): TidemarkError {
  const more = count > places.length ? ` and ${count - places.length} more` : ''
  return new TidemarkError(
    'restore-conflict',
    `the log of ${service} has other content than its archive at ${places.join(', ')}${more}: ` +
      'nothing is overwritten, see npm run verify',
  )
}

type Item = Readonly<Record<string, unknown>>

function parseItem(line: Uint8Array): Item {
  return JSON.parse(Buffer.from(line).toString('utf8')) as Item
}

/** The item as it is created again: the store sets its own time. */
function withoutTime({ _ts, ...item }: Item): Item {
  return item
}

/** The identity of an item in a log: a stream has each id once. */
function identify({ stream, id }: Item): string {
  return JSON.stringify([stream, id])
}

/** How people find an item: a commit by its first version, any other by its id. */
function formatPlace(item: Item): string {
  const position = readCommitPosition(item)
  return position ? formatPosition(position) : `${String(item.stream)} ${String(item.id)}`
}

function noteEnd(index: ItemIndex, { stream, to, hash }: Item): void {
  if (typeof stream === 'string' && Number.isSafeInteger(to))
    index.reach(stream, { version: Number(to), hash: String(hash) })
}

/** An item that somebody changed was archived again. What it was at first counts. */
function addArchived(index: ItemIndex, item: Item): void {
  const content = canonicalHash(withoutTime(item))
  if (index.add(identify(item), content) === content) noteEnd(index, item)
}

/** Reads a whole log, and notes which archived items it has. */
async function compareLog({ feed }: RestoreDependencies, index: ItemIndex, watch: RestoreWatch) {
  const found = { equal: 0, beyond: 0, conflicts: 0, conflicting: [] as string[] }
  for await (const items of readFeed(feed, undefined)) {
    for (const item of items) {
      const archived = index.content(identify(item))
      if (archived === undefined) {
        found.beyond += 1
        noteEnd(index, item)
      } else if (archived === canonicalHash(withoutTime(item))) found.equal += index.see(identify(item)) ? 1 : 0
      else {
        found.conflicts += 1
        if (found.conflicting.length < NAMED) found.conflicting.push(formatPlace(item))
      }
    }
    watch.progress('log', items.length)
  }
  return found
}

async function* readFeed(feed: ItemFeed, continuation: string | undefined): AsyncIterable<readonly Item[]> {
  const reader = feed.open(continuation)
  for (;;) {
    const { items, atEnd } = await reader.next()
    yield items as readonly Item[]
    if (atEnd) return
  }
}

/**
 * Whether the newest segment is a restore record after which the feed has nothing that is archived. Only such a
 * record shows that its continuation belongs to this container: one that Cosmos DB restored keeps its resource id,
 * so the SDK accepts continuations of the old one.
 * https://learn.microsoft.com/azure/cosmos-db/restore-in-account-continuous-backup-introduction
 */
async function archiveGoesOn(deps: RestoreDependencies, index: ItemIndex, segments: number): Promise<boolean> {
  if (segments === 0) return true
  const { header } = await readSegment(deps.service, deps.archive, segments)
  if (header.restored === undefined) return false
  try {
    for await (const items of readFeed(deps.feed, header.continuation))
      if (items.some((item) => index.content(identify(item)) !== undefined)) return false
    return true
  } catch (error) {
    if (isTidemarkError(error, 'archive-broken')) return false
    throw error
  }
}

async function findRunning({ progress }: RestoreDependencies): Promise<readonly string[]> {
  const all = (await Promise.all(progress().map((store) => store.read()))).flat()
  return [...new Set(all.filter(({ age }) => age < RUNNING_SECONDS).map(({ instance }) => instance))]
}

/** Looks for events in the hub that are newer than the log will be. @param newest messages of each partition. */
async function compareHub({ service, hub }: RestoreDependencies, index: ItemIndex, newest: number) {
  const events = new HubEvents(service, index)
  const describe = () => {
    const lost = events.list()
    return { messages: events.messages, lost: lost.length, first: lost.slice(0, NAMED) }
  }
  try {
    const reader = hub()
    await forEachLimited(await reader.partitions(), CONCURRENCY, async (partition) => {
      const { first, last } = await reader.bounds(partition)
      const from = Math.max(first, last - newest + 1)
      if (from > last) return
      for await (const page of reader.read(partition, from, last)) for (const { body } of page) events.compare(body)
    })
    return { ...describe(), commits: events.listCommits() }
  } catch (error) {
    // A restore of a log needs no hub: it may be lost too.
    return { ...describe(), commits: [], unread: describeError(error) }
  }
}

/** Creates what the log lacks, segment by segment. @returns how many items. */
async function writeMissing(deps: RestoreDependencies, index: ItemIndex, watch: RestoreWatch): Promise<number> {
  let written = 0
  for await (const { lines } of readArchive(deps.service, deps.archive)) {
    const missing = lines
      .map((line) => withoutTime(parseItem(line)))
      .filter((item) => !index.isSeen(identify(item)) && index.content(identify(item)) === canonicalHash(item))
    await forEachLimited(Map.groupBy(missing, formatGroup).values(), CONCURRENCY, async (items) => {
      const others = await deps.items.create(items)
      if (others.length > 0)
        throw conflict(deps.service, others.length, (others as readonly Item[]).slice(0, NAMED).map(formatPlace))
      watch.progress('written', items.length)
    })
    for (const item of missing) index.see(identify(item))
    written += missing.length
  }
  return written
}

async function writeFromHub({ service, items }: RestoreDependencies, commits: readonly Commit[]): Promise<void> {
  await forEachLimited(
    Map.groupBy(commits, ({ stream }) => stream),
    CONCURRENCY,
    async ([, its]) => {
      const others = await items.create(its.map(toLogItem))
      if (others.length > 0) throw conflict(service, others.length, (others as readonly Item[]).map(formatPlace))
    },
  )
}

/** Items without a stream are written one at a time. */
function formatGroup(item: Item): string {
  return typeof item.stream === 'string' ? item.stream : identify(item)
}

/** What a restore record has besides its place. */
interface Part {
  readonly lines: Buffer[]
  bytes: number
  newest: string
}

/**
 * Adds restore records to the archive: segments with what only the log has, whose continuations belong to the log as
 * it is now. If the log has nothing new, the archive's newest item comes once more, because a segment has at least
 * one. @returns how many segments were added.
 */
async function addRecords(deps: RestoreDependencies, index: ItemIndex, plan: RestorePlan): Promise<number> {
  const { archive, log, fromHub } = plan
  const { header, lines } = await readSegment(deps.service, deps.archive, archive.segments)
  let end: RecordEnd = { ...header, items: archive.items }
  const reader = deps.feed.open()
  let [part, beyond]: [Part, number] = [{ lines: [], bytes: 0, newest: header.newest }, 0]
  for (;;) {
    const { items, continuation, atEnd } = await reader.next()
    const fresh = (items as readonly Item[]).filter((item) => index.content(identify(item)) === undefined)
    for (const item of fresh) addLine(part, item)
    beyond += fresh.length
    if (atEnd && beyond !== log.beyond + fromHub.length) throw moving(deps.service)
    if (!atEnd && part.lines.length < SEGMENT_ITEMS && part.bytes < SEGMENT_BYTES) continue
    if (part.lines.length === 0) part.lines.push(...lines.slice(-1))
    const added = await addRecord(deps, end, { ...part, continuation })
    if (added === undefined || atEnd) return (added ?? end).number - archive.segments
    end = added
    part = { lines: [], bytes: 0, newest: part.newest }
  }
}

/** The newest segment, and how many items the archive has up to it. */
type RecordEnd = ArchiveEnd & { readonly items: number }

/** @returns undefined if another restore has written the record already. */
async function addRecord(
  { service, archive }: RestoreDependencies,
  end: RecordEnd,
  { lines, continuation, newest }: Part & { readonly continuation: string },
): Promise<RecordEnd | undefined> {
  const { header, bytes } = await encodeSegment(service, end, { lines, continuation, newest, restored: end.items })
  if ((await archive.create(header.number, bytes)) === 'created') return { ...header, items: end.items + header.count }
  const other = await readSegment(service, archive, header.number)
  checkFollows(service, other.header, end)
  if (other.header.restored === undefined) throw moving(service)
  return undefined
}

function addLine(part: Part, item: Item): void {
  const line = Buffer.from(JSON.stringify(item))
  const written = new Date(Number(item._ts ?? 0) * 1000).toISOString()
  part.lines.push(line)
  part.bytes += line.length
  if (written > part.newest) part.newest = written
}

function moving(service: string): TidemarkError {
  const why = `the log of ${service} grew while it was restored`
  return new TidemarkError('restore-unsafe', `${why}: stop the app, then run tidemark restore again`)
}
