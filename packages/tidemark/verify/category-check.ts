import { setTimeout as delay } from 'node:timers/promises'
import type { Container } from '@azure/cosmos'
import type { CheckedLog } from './checked-log.ts'
import type { DeclaredKeyed } from './declared.ts'
import { type Chosen, MultiStreamFold } from './multi-stream-fold.ts'
import type { IsDiscarded, Parked } from './parked.ts'
import { mergeProgress, parseCursor, type StreamProgress } from './progress.ts'
import { type Judged, RowCheck } from './row-check.ts'
import { queryPages, queryRows, Rows } from './rows.ts'
import {
  cursorPrefix,
  formatEntry,
  isItsItem,
  type Row,
  readPointer,
  readStream,
  type ViewSource,
  type ViewsWatch,
} from './source.ts'
import type { Fault } from './stream-check.ts'
import { type RawEvent, readStreamItems, sortByVersion } from './stream-events.ts'

/** The bounds of a check. */
export interface Limits {
  /**
   * How many documents of a multi-stream view are folded at a time. A view with more is checked in parts, and
   * the log is read once for each.
   */
  readonly documents: number
  /**
   * An unapplied event counts as missing if the view has applied an event that is this much younger.
   * Milliseconds.
   */
  readonly lateMs: number
}

interface CategoryCheckDependencies {
  readonly log: CheckedLog
  /** Any container of the service: it tells the time of the store. */
  readonly clock: Container
  /** The views that are made of this log. */
  readonly sources: readonly ViewSource[]
  readonly parked: Parked
  readonly limits: Limits
  readonly on: ViewsWatch
}

/** `_ts` has whole seconds, so an item younger than this cannot be dated reliably. Milliseconds. */
const SETTLED_MS = 1_100
/** How often documents are checked that were written meanwhile or look wrong. */
const ATTEMPTS = 3
/** The most streams that are tracked as behind. */
const MAX_BEHIND = 50_000

/**
 * Checks the views of one category, or one view over several services. It reads the streams, and in the same order
 * the documents and cursors of each.
 */
export class CategoryCheck {
  readonly #deps: CategoryCheckDependencies
  readonly #late = new Map<ViewSource, LateStreams>()
  readonly #uncheckedSources = new Set<ViewSource>()
  /** What looked wrong, and is read again when the log has been read. */
  readonly #suspects: Suspect[] = []

  constructor(deps: CategoryCheckDependencies) {
    this.#deps = deps
  }

  async run(): Promise<void> {
    const multis = this.#deps.sources.filter(({ view }) => isKeyed(view))
    const counts = await Promise.all(multis.map(countDocuments))
    const parts = Math.max(1, Math.ceil(Math.max(0, ...counts) / this.#deps.limits.documents))
    for (let part = 0; part < parts; part += 1) {
      let chosen: ReadonlyMap<ViewSource, Chosen> = new Map(multis.map((source) => [source, { parts, part }]))
      let suspected: ReadonlyMap<ViewSource, ReadonlySet<string>> = new Map()
      for (let attempt = 1; attempt === 1 || (attempt <= ATTEMPTS && chosen.size > 0); attempt += 1) {
        if (attempt > 1) await delay(SETTLED_MS)
        const isFirst = attempt === 1 && part === 0
        const found = await this.#read(chosen, isFirst)
        if (isFirst) await this.#judgeLate()
        chosen = this.#judge(found, suspected, attempt === ATTEMPTS)
        suspected = new Map([...found].map(([source, { wrong }]) => [source, new Set(wrong.keys())]))
      }
    }
  }

  /** Reports what looked wrong twice. @returns what to check again. */
  #judge(
    found: ReadonlyMap<ViewSource, Found>,
    suspected: ReadonlyMap<ViewSource, ReadonlySet<string>>,
    isLast: boolean,
  ): ReadonlyMap<ViewSource, Chosen> {
    const again = new Map<ViewSource, Chosen>()
    for (const [source, { chosen, moving, wrong }] of found) {
      const keys = new Set(moving)
      for (const [key, fault] of wrong)
        if (!isLast && !suspected.get(source)?.has(key)) keys.add(key)
        else if (fault === 'unsure') source.count.unsure += 1
        else this.#deps.on.fault(fault)
      if (isLast) source.count.moving += moving.size
      else if (keys.size > 0) again.set(source, { ...chosen, keys })
    }
    return again
  }

  /**
   * Reads the category's log once, together with single-stream documents and cursors. Afterwards it reads the
   * multi-stream documents.
   */
  async #read(chosen: ReadonlyMap<ViewSource, Chosen>, isFirst: boolean): Promise<ReadonlyMap<ViewSource, Found>> {
    const { log, clock, sources, parked, on } = this.#deps
    const [now = 0] = await queryRows<number>(clock, 'SELECT VALUE GetCurrentTimestamp()', 'clock')
    const isDiscarded = await parked.readDiscards()
    const folds = new Map<ViewSource, MultiStreamFold>()
    for (const [source, choice] of chosen) {
      if (!isKeyed(source.view)) continue
      const fold = new MultiStreamFold(source.view, source.reading, choice, now)
      if (source.cursorsIn !== undefined && this.#findHome(source) === undefined)
        fold.unchecked = `its cursors are in the view ${source.cursorsIn}, which this build does not have`
      folds.set(source, fold)
    }
    const homes = new Set([...folds.keys()].map((source) => this.#findHome(source)))
    const open = sources
      .filter((source) => isFirst || folds.has(source) || homes.has(source))
      .map((source) => ({ source, rows: new Rows(queryPages<Row>(source.container, rowsByStream(source))) }))

    await log.refresh()
    on.begin(await log.count())
    const items = new Rows(log.items(), (read) => on.read(read))
    for (;;) {
      const stream = (await items.peek())?.stream as string | undefined
      for (const each of open) await this.#passOrphans(each, stream, isFirst)
      if (stream === undefined) break
      const checks = await this.#startStream(open, stream, folds, isFirst ? isDiscarded : undefined)
      let end = 0
      for await (const event of sortByVersion(readStreamItems(items, stream))) {
        end = event.version
        for (const { source, progress, check, fold } of checks) {
          const discarded = isDiscarded(source.view.name, stream, end)
          fold?.add(event, end <= progress.passed && !discarded)
          if (!isFirst) continue
          check?.add(event)
          this.#trackLate(source).see(event, progress)
          if (discarded) source.count.givenUp += 1
        }
      }
      if (isFirst) for (const each of checks) await this.#judgeStream(each, stream)
    }
    await this.#lookAgain()
    const found = new Map<ViewSource, Found>()
    for (const [source, choice] of chosen) {
      const fold = folds.get(source)
      if (fold) found.set(source, await this.#compare(source, choice, now, fold))
    }
    return found
  }

  /**
   * Prepares the checks of each view for the events of one stream.
   * @param isDiscarded absent: the stream's items are not checked.
   */
  async #startStream(
    open: readonly Open[],
    stream: string,
    folds: ReadonlyMap<ViewSource, MultiStreamFold>,
    isDiscarded: IsDiscarded | undefined,
  ): Promise<readonly ViewStreamCheck[]> {
    const rows = new Map<ViewSource, readonly Row[]>()
    for (const { source, rows: all } of open) {
      const own: Row[] = []
      for (let row = await all.peek(); row && readStream(source, row) === stream; row = await all.peek()) {
        all.skip()
        if (source.view.kind !== 'one-stream' || isItsItem(row)) own.push(row)
      }
      rows.set(source, own)
    }
    return open.map(({ source }) => {
      const row = rows.get(source)?.find((each) => isLive(source, each))
      const home = this.#findHome(source)
      const homeCursors = (home ? (rows.get(home) ?? []) : []).map(({ cursor }) => parseCursor(cursor))
      return {
        source,
        row,
        progress: mergeProgress(formatEntry(source), parseCursor(row?.cursor), homeCursors),
        check: row && isDiscarded && new RowCheck(source, row, isDiscarded),
        fold: folds.get(source),
      }
    })
  }

  async #judgeStream({ source, row, progress, check }: ViewStreamCheck, stream: string): Promise<void> {
    if (row && source.view.kind === 'one-stream') source.count.documents += 1
    const judged = check?.finish()
    if (row && judged?.fault) this.#suspects.push({ source, row })
    else if (judged?.unchecked !== undefined) this.#deps.on.unchecked(source.view.name, judged.unchecked)
    if (progress.parked !== undefined) await this.#reportParked(source, stream, progress.parked)
  }

  async #reportParked(source: ViewSource, stream: string, version: number): Promise<void> {
    source.count.parked += 1
    const isKnown = () => this.#deps.parked.knows(formatEntry(source), stream)
    if ((await isKnown()) || (await this.#standingNow(source, stream)).parked === undefined || (await isKnown())) return
    const detail = `its cursor says that it is parked from version ${version}, but no stream is parked for it`
    this.#deps.on.fault({ place: `${source.view.name} ${stream}`, wrong: 'changed', detail })
  }

  /** Checks documents and cursors that sort before a stream, and so belong to no stream of the log. */
  async #passOrphans({ source, rows }: Open, stream: string | undefined, isFirst: boolean): Promise<void> {
    for (let row = await rows.peek(); row; row = await rows.peek()) {
      if (!isBefore(source, readStream(source, row), stream)) return
      rows.skip()
      const isSingle = source.view.kind === 'one-stream'
      if (!isFirst || !isLive(source, row) || (isSingle && !isItsItem(row))) continue
      if (isSingle) source.count.documents += 1
      this.#suspects.push({ source, row })
    }
  }

  /** Reads each suspect and then its stream again, twice. A fault is reported if both reads find it. */
  async #lookAgain(): Promise<void> {
    const { on } = this.#deps
    const suspects = this.#suspects.splice(0)
    if (suspects.length === 0) return
    const [first, second] = [await this.#judgeNow(suspects), await this.#judgeNow(suspects)]
    for (const [index, { source }] of suspects.entries()) {
      const { fault, unchecked } = second[index] ?? {}
      if (unchecked !== undefined) on.unchecked(source.view.name, unchecked)
      if (fault && first[index]?.fault?.wrong === fault.wrong) on.fault(fault)
    }
  }

  async #judgeNow(suspects: readonly Suspect[]): Promise<readonly Judged[]> {
    const { log, parked } = this.#deps
    const read = ({ source, row: { id, pk } }: Suspect) => source.container.item(id, pk).read<Row>()
    const rows: (Row | undefined)[] = []
    for (const suspect of suspects) rows.push((await read(suspect)).resource)
    // After the items, so that it has the events of all their cursors.
    await log.refresh()
    const isDiscarded = await parked.readDiscards()
    const judged: Judged[] = []
    for (const [index, { source }] of suspects.entries()) {
      const row = rows[index]
      if (row === undefined || !isLive(source, row)) {
        judged.push({})
        continue
      }
      const check = new RowCheck(source, row, isDiscarded)
      const stream = readStream(source, row)
      const items = new Rows(log.itemsOf(stream))
      for await (const event of sortByVersion(readStreamItems(items, stream))) check.add(event)
      judged.push(check.finish())
    }
    return judged
  }

  /**
   * Counts the streams of which a view has not applied all events. If the view has applied much younger
   * events, the unapplied ones count as missing.
   */
  async #judgeLate(): Promise<void> {
    const { limits, on } = this.#deps
    for (const [source, { streams, latest, count }] of this.#late) {
      source.count.behind += count
      if (count > MAX_BEHIND)
        on.unchecked(
          source.view.name,
          `${count} streams are behind, too many to check whether the last ones lack events`,
        )
      const late = [...streams].filter(([, { time }]) => Date.parse(latest) - Date.parse(time) > limits.lateMs)
      if (late.length === 0 || (await readPointer(source.container)).live !== source.live) continue
      for (const [stream, { version, time }] of late) {
        const { passed, parked } = await this.#standingNow(source, stream)
        if (passed >= version || parked !== undefined) continue
        source.count.behind -= 1
        const detail = `the view has not applied version ${version} of ${time}, but has applied events of ${latest}`
        on.fault({ place: `${source.view.name} ${stream}`, wrong: 'missing', detail })
      }
    }
  }

  async #standingNow(source: ViewSource, stream: string): Promise<StreamProgress> {
    const read = async ({ container }: ViewSource, id: string, generation: number) => {
      const { resource } = await container.item(id, `${generation}|${id}|${stream}`).read<Row>()
      return parseCursor(resource?.cursor)
    }
    const home = this.#findHome(source)
    const homeCursors = await Promise.all((home?.named ?? []).map((each) => home && read(home, 'document', each)))
    const own = await read(source, source.view.kind === 'one-stream' ? 'document' : 'cursor', source.live)
    return mergeProgress(formatEntry(source), own, homeCursors)
  }

  /** Compares the documents of a multi-stream view with those folded from the log. */
  async #compare(source: ViewSource, chosen: Chosen, began: number, fold: MultiStreamFold): Promise<Found> {
    const { container, view, count, live } = source
    const moving = new Set<string>()
    const wrong = new Map<string, Fault | 'unsure'>()
    for await (const page of queryPages<Row>(container, buildDocumentsQuery([live])))
      for (const row of page) {
        const key = String(row.key)
        if (!isItsItem(row) || !fold.isChosen(key)) continue
        if (chosen.keys === undefined) count.documents += 1
        // A document written after the log was read may have newer events. Its time has whole seconds.
        if ((row._ts + 1) * 1000 > began) {
          moving.add(key)
          fold.pass(key)
          continue
        }
        const marks = "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, '~')"
        const fault = fold.judge(
          row,
          new Set(fold.hasOpen(key) ? await queryRows<string>(container, marks, row.pk) : []),
        )
        if (fault) wrong.set(key, fault)
      }
    for (const [key, fault] of fold.missing()) wrong.set(key, fault)
    if (fold.unchecked === undefined) return { chosen, moving, wrong }
    // The same reason would be reported for each part.
    if (!this.#uncheckedSources.has(source)) this.#deps.on.unchecked(view.name, fold.unchecked)
    this.#uncheckedSources.add(source)
    return { chosen, moving: new Set(), wrong: new Map() }
  }

  /** The view whose documents store this view's cursors. */
  #findHome({ view, cursorsIn }: ViewSource): ViewSource | undefined {
    if (view.kind === 'one-stream') return undefined
    return this.#deps.sources.find((source) => source.view.name === cursorsIn && source.view.kind === 'one-stream')
  }

  #trackLate(source: ViewSource): LateStreams {
    const late = this.#late.get(source) ?? new LateStreams()
    this.#late.set(source, late)
    return late
  }
}

/** A view's progress, and the streams of which it lacks events. */
class LateStreams {
  readonly streams = new Map<string, { readonly version: number; readonly time: string }>()
  count = 0
  /** The time of the youngest event that the view has applied. */
  latest = ''

  see({ stream, version, time }: RawEvent, { passed, parked }: StreamProgress): void {
    if (version === passed && String(time) > this.latest) this.latest = String(time)
    if (version !== passed + 1 || parked !== undefined) return
    this.count += 1
    if (this.count <= MAX_BEHIND) this.streams.set(String(stream), { version, time: String(time) })
  }
}

/** A document or cursor that looked wrong. */
interface Suspect {
  readonly source: ViewSource
  readonly row: Row
}

/** The single-stream documents or the cursors of a view, while they are read. */
interface Open {
  readonly source: ViewSource
  readonly rows: Rows<Row>
}

/** The checks of one view for the events of one stream. */
interface ViewStreamCheck {
  readonly source: ViewSource
  readonly row: Row | undefined
  readonly progress: StreamProgress
  readonly check: RowCheck | undefined
  readonly fold: MultiStreamFold | undefined
}

/** The findings of one read of a multi-stream view. */
interface Found {
  readonly chosen: Chosen
  /** Documents that were written meanwhile. */
  readonly moving: ReadonlySet<string>
  readonly wrong: ReadonlyMap<string, Fault | 'unsure'>
}

function isKeyed(view: ViewSource['view']): view is DeclaredKeyed {
  return view.kind !== 'one-stream'
}

function isLive(source: ViewSource, { generation }: Row): boolean {
  return isKeyed(source.view) || generation === source.live
}

/** A query for the items of a view that have cursors, ordered by stream. */
function rowsByStream(source: ViewSource) {
  if (source.view.kind === 'one-stream') return buildDocumentsQuery(source.named, ' ORDER BY c.key')
  return {
    query: "SELECT c.id, c.pk, c.cursor FROM c WHERE c.kind = 'cursor' AND STARTSWITH(c.pk, @prefix) ORDER BY c.pk",
    parameters: [{ name: '@prefix', value: cursorPrefix(source) }],
  }
}

function buildDocumentsQuery(generations: readonly number[], order = '') {
  const fields = 'c.id, c.pk, c.key, c.generation, c.sort, c.document, c.cursor, c._ts'
  return {
    query: `SELECT ${fields} FROM c WHERE c.kind = 'document' AND ARRAY_CONTAINS(@generations, c.generation)${order}`,
    parameters: [{ name: '@generations', value: [...generations] }],
  }
}

async function countDocuments({ container, live }: ViewSource): Promise<number> {
  const query = "SELECT VALUE COUNT(1) FROM c WHERE c.kind = 'document' AND c.generation = @live"
  return (await queryRows<number>(container, { query, parameters: [{ name: '@live', value: live }] }))[0] ?? 0
}

/**
 * Whether a key sorts before a stream. Also true if the key is not a stream that the view follows, because its
 * order then means nothing.
 */
function isBefore(source: ViewSource, key: string, stream: string | undefined): boolean {
  const isStream = /^[a-z][a-z0-9]*-[\w.~:-]+$/.test(key.slice(key.indexOf('/') + 1)) && source.follows(key)
  return stream === undefined || !isStream || key < stream
}
