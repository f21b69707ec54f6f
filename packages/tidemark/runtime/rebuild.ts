import { TidemarkError } from '../core/errors.ts'
import type { EventType, RecordedEvent } from '../core/event.ts'
import type { ParkingStore } from '../core/parking.ts'
import type {
  Clock,
  Cursor,
  EventFeed,
  EventHistory,
  Ids,
  ProgressStore,
  ViewGenerations,
  ViewStores,
  WriteResult,
} from '../core/ports.ts'
import { type Comparison, countDifferences, type RebuildStage } from '../core/rebuild.ts'
import { ROLLBACK_HOURS } from '../core/service.ts'
import { type AnyMultiServiceView, type AnyView, findCursorView, isKeyedView, isOwnView } from '../core/view.ts'
import {
  abandonBuild,
  awaitPromotion,
  finishRebuild,
  listGenerationNumbers,
  movesCursors,
  promoteGeneration,
  startDualWrite,
  startRebuild,
  type ViewPointer,
} from '../core/view-pointer.ts'
import { compare } from './compare.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { mergeParked, mergePassed, readStreamProgress, sameVersions } from './cursors.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'
import { POINTER_MS } from './live-views.ts'
import { type HistoryPages, pagedLog } from './paged-history.ts'
import { rebuildProjection } from './project.ts'
import { retry } from './retry.ts'
import { countItems, type HistorySource, SourceReader } from './source-reader.ts'
import type { GapSource } from './unseen-events.ts'
import type { ViewCodes } from './view-codes.ts'

export interface RebuildDependencies {
  readonly log: EventHistory
  readonly feed: EventFeed
  /** The histories that a view over several services is built from. Absent: the service has no such view. */
  readonly sources?: ViewSources
  readonly generations: ViewGenerations
  /** The same views, with cached pointers, as projections use them. */
  readonly views: ViewStores
  /** All views of the service. */
  readonly declared: readonly AnyView[]
  /**
   * The consumer progress of the service's projections, which shows the live instances and the views that
   * they know.
   */
  readonly progress: Pick<ProgressStore, 'read'>
  /** Reads discards, which a rebuild skips. Absent: nothing was ever discarded. */
  readonly parking?: Pick<ParkingStore, 'discards'>
  readonly eventTypes: readonly EventType[]
  /** Which code has written each generation. Absent: it is not checked. */
  readonly codes?: ViewCodes
  readonly clock: Clock
  readonly ids: Ids
}

/** What a view over several services is built from. */
export interface ViewSources {
  /** Fills the gaps that the hubs have left. */
  readonly history: GapSource
  list(view: AnyMultiServiceView): readonly HistorySource[]
}

/** Receives the progress of a rebuild. */
export interface RebuildWatch {
  /** @param total commits in the log at the start; items of the archives, if it is built from those. */
  begin(target: number, live: number, total: number): void
  /** @param commits read so far. @param offset after them, of an `EventFeedReader`. @param events in them. */
  read(commits: number, offset: string | undefined, events: number): void
  stage(stage: RebuildStage): void
  /** Only for `build` and `promote-if-equal`: the comparison so far. */
  compared?(comparison: Comparison): void
}

/** The result of a rebuild. */
interface RebuildResult {
  readonly live: number
  /** The generation that was live before. */
  readonly previous: number
  /** What this process has read from the log. */
  readonly events: number
  readonly streams: number
}

/** A generation that was built and awaits promotion. */
interface BuildResult {
  readonly built: number
  readonly live: number
  readonly comparison: Comparison
}

/** Where an interrupted rebuild resumes. */
export interface RebuildCheckpoint {
  readonly target: number
  /** Commits read before the interruption, and the feed offset after them. */
  readonly commits: number
  readonly events?: number
  readonly offset?: string
}

/** The operations on the generations of a service's views. With a checkpoint they resume there. */
export interface RebuildPort {
  rebuildView(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<RebuildResult>
  build(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<BuildResult>
  promote(
    view: AnyView,
    watch: RebuildWatch,
    place?: RebuildCheckpoint,
  ): Promise<Pick<RebuildResult, 'live' | 'previous'>>
  promoteIfEqual(
    view: AnyView,
    watch: RebuildWatch,
    place?: RebuildCheckpoint,
  ): Promise<Pick<RebuildResult, 'live' | 'previous'>>
  abandon(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<{ readonly live: number }>
  rollBack(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<RebuildResult>
}

/** Allows for the clocks of two machines running at slightly different speeds. */
const MARGIN_MS = 1_000
const POINTER_EXPIRY_MS = POINTER_MS + MARGIN_MS
const CATCH_UP_EVERY_MS = 250

const HOUR_MS = 3_600_000

/**
 * Builds a view's next generation from the whole log beside the live one, then promotes it. If two rebuilds
 * run at once, the later one wins. Leftovers of an earlier rebuild and the previous generation are removed.
 * @throws TidemarkError `replay-superseded`, `log-empty`, `instance-outdated`, and the errors of projections.
 * The live generation is then unchanged.
 */
export async function rebuildView(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<RebuildResult> {
  const move = await beginOrResume(deps, view, place)
  const { held, ...read } = await catchUpAndDualWrite(deps, view, move, watch)
  return { ...(await promoteTarget(deps, view, { ...move, held }, watch)), ...read }
}

/**
 * Builds a view's next generation as `rebuildView` does, and compares it with the live one. It is kept up to
 * date until it is promoted or abandoned, or another is built.
 * @throws TidemarkError as `rebuildView`; `must-promote` if the live generation could not be written beside
 * it.
 */
export async function buildGeneration(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<BuildResult> {
  const { pointer } = await retry(deps.clock, () => deps.generations.readPointer(view.name))
  if (movesCursors(pointer, findCursorView(deps.declared, view)))
    throw new TidemarkError(
      'must-promote',
      `${view.name} stores its cursors elsewhere than before: only a full rebuild can do that`,
    )
  const move = await beginOrResume(deps, view, place)
  const { target, live } = move
  const { held } = await catchUpAndDualWrite(deps, view, move, watch)
  await writeHeldPointer(deps, view, held, awaitPromotion(held.pointer, target))
  return { built: target, live, comparison: await compareGenerations(deps, view, move, watch) }
}

function compareGenerations(
  { generations, clock }: RebuildDependencies,
  view: AnyView,
  { target, live }: Pick<Switchover, 'target' | 'live'>,
  watch: RebuildWatch,
): Promise<Comparison> {
  watch.stage('comparing')
  const stores = { built: generations.store(view.name, target), live: generations.store(view.name, live) }
  return compare(stores, clock, (comparison) => watch.compared?.(comparison))
}

/**
 * Lets queries read the generation that was built.
 * @throws TidemarkError `nothing-built`, `instance-outdated`, `replay-superseded`
 */
export async function promote(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<Pick<RebuildResult, 'live' | 'previous'>> {
  return promoteTarget(deps, view, await claimBuilt(deps, view, watch, place), watch)
}

/**
 * Compares the generation that was built with the live one again, and promotes it if no document differs.
 * Projections write both meanwhile.
 * @throws TidemarkError `generations-differ`, and as `promote`. The live generation is then unchanged, and the
 * built one still waits.
 */
export async function promoteIfEqual(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<Pick<RebuildResult, 'live' | 'previous'>> {
  const move = await claimBuilt(deps, view, watch, place)
  const { target, live } = move
  // If they are the same, an interrupted call has already promoted it.
  if (target !== live) {
    const comparison = await compareGenerations(deps, view, move, watch)
    const differing = countDifferences(comparison)
    if (differing > 0)
      throw new TidemarkError(
        'generations-differ',
        `${differing} of ${comparison.compared} documents of ${view.name} differ between generation ${target} ` +
          `and ${live}, the live one: promote or abandon it`,
      )
  }
  return promoteTarget(deps, view, move, watch)
}

/** Takes over the pointer, for a promotion of the generation that was built. */
async function claimBuilt(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place: RebuildCheckpoint | undefined,
): Promise<Switchover> {
  const findTarget = (pointer: ViewPointer): number => place?.target ?? requireBuilt(view, pointer)
  const held = await claimPointer(deps, view, (pointer) => {
    const target = findTarget(pointer)
    if (pointer.live !== target && pointer.built !== target) throw superseded(view)
    return pointer
  })
  const { live } = held.pointer
  const target = findTarget(held.pointer)
  if (live !== target) await checkCode(deps, view, target, 'build it again')
  watch.begin(target, live, 0)
  return { target, live, held }
}

/**
 * Removes the generation that was built.
 * @throws TidemarkError `nothing-built`
 */
export async function abandon(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<{ readonly live: number }> {
  const { pointer } = await claimPointer(deps, view, (pointer) => {
    const built = place ? pointer.built : requireBuilt(view, pointer)
    // An interrupted call has already abandoned it.
    if (built === undefined) return pointer
    watch.begin(built, pointer.live, 0)
    return abandonBuild(pointer)
  })
  // Until no instance writes it any more.
  await deps.clock.wait(POINTER_EXPIRY_MS)
  await retry(deps.clock, () => deps.generations.sweep(view.name, pointer))
  return { live: pointer.live }
}

function requireBuilt(view: AnyView, { built }: ViewPointer): number {
  if (built === undefined)
    throw new TidemarkError('nothing-built', `${view.name} has no built generation: build one first`)
  return built
}

/** The generation to promote. */
interface Switchover {
  readonly target: number
  readonly live: number
  readonly held: HeldPointer
}

/** A generation that must first catch up with the log. */
interface PendingRebuild extends Switchover {
  /** Applies events to the target. */
  readonly project: (events: readonly RecordedEvent[]) => Promise<void>
  /** Commits in the log at the start. */
  readonly total: number
  readonly reader: RebuildReader
  /** Where it resumes. */
  readonly place?: RebuildCheckpoint
}

/** Resumes only what this code has begun: a generation of two builds would be what neither makes. */
async function beginOrResume(
  deps: RebuildDependencies,
  view: AnyView,
  place: RebuildCheckpoint | undefined,
): Promise<PendingRebuild> {
  if (place === undefined) return nextGeneration(deps, view)
  const other = await retry(deps.clock, async () => deps.codes?.findOther(view, place.target))
  return other ? nextGeneration(deps, view) : resumeRebuild(deps, view, place)
}

/** Reads what a view is built from. */
interface RebuildReader extends HistoryPages {
  /** Whether events may be repeated. */
  readonly isAtTail: boolean
}

function openReader({ feed, sources }: RebuildDependencies, view: AnyView, offset?: string): RebuildReader {
  if (!isOwnView(view)) return new SourceReader(requireSources(view, sources).list(view), offset)
  return Object.assign(pagedLog(feed).open(offset), { isAtTail: false })
}

function requireSources({ name }: AnyView, sources: ViewSources | undefined): ViewSources {
  if (sources) return sources
  throw new TidemarkError('internal', `nothing is given from which ${name} can be built`)
}

/** What the projection of a rebuild fills gaps from. */
function projectionDeps(deps: RebuildDependencies, view: AnyView) {
  return isOwnView(view) ? deps : { ...deps, log: requireSources(view, deps.sources).history }
}

async function nextGeneration(deps: RebuildDependencies, view: AnyView): Promise<PendingRebuild> {
  const total = await countCommits(deps, view)
  await checkInstances(deps, view)
  const held = await claimPointer(deps, view, startRebuild)
  const { building, live } = held.pointer
  await retry(deps.clock, async () => deps.codes?.begin(view, building, held.pointer))
  await carryCursors(deps, view, held.pointer)
  await retry(deps.clock, () => deps.generations.sweep(view.name, held.pointer))
  const generation = { number: building, store: deps.generations.store(view.name, building, 'rebuild') }
  const reader = openReader(deps, view)
  const project = rebuildProjection(projectionDeps(deps, view), view, generation, {
    get readsFirst() {
      return reader.isAtTail
    },
    isDiscarded: await readDiscards(deps, view),
  })
  return { target: building, live, held, project, total, reader }
}

/**
 * Resumes the rebuild of a process that has ended.
 * @throws TidemarkError `replay-superseded` if another was started meanwhile.
 */
async function resumeRebuild(
  deps: RebuildDependencies,
  view: AnyView,
  place: RebuildCheckpoint,
): Promise<PendingRebuild> {
  const { target } = place
  const held = await claimPointer(deps, view, (pointer) => {
    if (!listGenerationNumbers(pointer).has(target)) throw superseded(view)
    return pointer
  })
  const total = await countCommits(deps, view)
  const project = await resumeProjection(deps, view, target)
  const reader = openReader(deps, view, place.offset)
  return { target, live: held.pointer.live, held, project, total, reader, place }
}

/** Projects to a generation that already has documents, starting from its stored cursors. */
async function resumeProjection(
  deps: RebuildDependencies,
  view: AnyView,
  number: number,
): Promise<(events: readonly RecordedEvent[]) => Promise<void>> {
  const generation = { number, store: deps.generations.store(view.name, number, 'rebuild') }
  return rebuildProjection(projectionDeps(deps, view), view, generation, {
    // Its applied markers may have expired, so only the cursors show what it has applied.
    readsFirst: true,
    isDiscarded: await readDiscards(deps, view),
    ...(view.kind === 'one-stream'
      ? {}
      : {
          passed: async (stream: string) => {
            const state = await deps.views.state(view.name)
            return (await readStreamProgress(deps.views, { view, state, generation }, stream)).passed
          },
        }),
  })
}

/** Returns whether an event was discarded for a view, in any of its generations. */
export async function readDiscards(
  { parking, clock }: Pick<RebuildDependencies, 'parking' | 'clock'>,
  view: Pick<AnyView, 'name'>,
): Promise<(stream: string, version: number) => boolean> {
  const all = parking ? await retry(clock, () => parking.discards()) : []
  const discards = all.filter(({ handler }) => handler === view.name)
  return (stream, version) =>
    discards.some((each) => each.stream === stream && each.from <= version && version <= each.to)
}

/**
 * Brings the previous generation up to date and lets queries read it again. The other generation remains, so
 * rolling back twice restores it.
 * @throws TidemarkError `no-way-back` if there is none, or it was left too long ago; and as `rebuildView`.
 */
export async function rollBack(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<RebuildResult> {
  const move = place ? await resumeRebuild(deps, view, place) : await previousGeneration(deps, view)
  const { held, ...read } = await catchUpAndDualWrite(deps, view, move, watch)
  return { ...(await promoteTarget(deps, view, { ...move, held }, watch)), ...read }
}

async function previousGeneration(deps: RebuildDependencies, view: AnyView): Promise<PendingRebuild> {
  const { pointer } = await retry(deps.clock, () => deps.generations.readPointer(view.name))
  const { generation } = requirePrevious(view, pointer, deps.clock.now())
  // Before anything is changed.
  await checkCode(deps, view, generation, `instead of rolling back, rebuild ${view.name}`)
  const held = await claimPointer(deps, view, (pointer) => ({
    // A generation that was built, or partly built, is abandoned.
    ...(pointer.building === undefined ? finishRebuild(pointer) : abandonBuild(pointer)),
    previous: requirePrevious(view, pointer, deps.clock.now()),
  }))
  const { previous, live } = held.pointer
  const total = await countCommits(deps, view)
  const project = await resumeProjection(deps, view, previous.generation)
  return { target: previous.generation, live, held, project, total, reader: openReader(deps, view) }
}

async function countCommits({ feed, sources, clock }: RebuildDependencies, view: AnyView): Promise<number> {
  // A young service may have no archive yet; its hub has everything then.
  if (!isOwnView(view)) return retry(clock, () => countItems(requireSources(view, sources).list(view)))
  const total = await retry(clock, () => feed.count())
  if (total === 0) throw new TidemarkError('log-empty', `the log from which ${view.name} is built has no events`)
  return total
}

/** Instances report once a minute. One that missed a report has probably ended. */
const LIVES_S = 120

/**
 * Checks that every live instance knows the view. An event handled by one that does not would be missing.
 * @throws TidemarkError `instance-outdated`
 */
async function checkInstances({ progress, clock }: RebuildDependencies, view: AnyView): Promise<void> {
  const instances = await retry(clock, () => progress.read())
  const outdated = instances.find(({ age, handlers }) => age < LIVES_S && !handlers.includes(view.name))
  if (outdated === undefined) return
  const { instance, build, age } = outdated
  throw new TidemarkError(
    'instance-outdated',
    `the instance ${instance} of build ${build} does not know ${view.name}, and last reported ` +
      `${Math.round(age)} s ago: rebuild again when it has ended, or has not reported for ${LIVES_S} s`,
  )
}

/** @throws TidemarkError `code-differs` if other code than this has written the generation. */
async function checkCode(
  { codes, clock }: RebuildDependencies,
  view: AnyView,
  generation: number,
  remedy: string,
): Promise<void> {
  const other = await retry(clock, async () => codes?.findOther(view, generation))
  if (other === undefined) return
  throw new TidemarkError(
    'code-differs',
    `generation ${generation} of ${view.name} was written by ${other}, too, which is not the code that runs: ` +
      `${remedy} with the code that runs`,
  )
}

function requirePrevious(view: AnyView, { previous }: ViewPointer, now: string): NonNullable<ViewPointer['previous']> {
  if (previous === undefined)
    throw new TidemarkError('no-way-back', `${view.name} has no generation before the live one`)
  // A single-stream document has its own cursor, which stays exact.
  if (isKeyedView(view) && Date.parse(now) - Date.parse(previous.left) > ROLLBACK_HOURS * HOUR_MS)
    throw new TidemarkError(
      'no-way-back',
      `generation ${previous.generation} of ${view.name} was left at ${previous.left}, ` +
        `more than ${ROLLBACK_HOURS} hours ago: rebuild instead`,
    )
  return previous
}

/**
 * A pointer that this process wrote last. Its etag allows the next write, unless another process writes
 * first.
 */
interface HeldPointer<Pointer extends ViewPointer = ViewPointer> {
  readonly pointer: Pointer
  readonly etag: string
}

/**
 * Catches the target up with the log and starts the dual-write. Afterwards the target always has everything
 * that the live generation has.
 *
 * First the target catches up to the end of the log. Then projections write the target before the live
 * generation. For POINTER_EXPIRY_MS an instance may still use the old pointer and write only the live
 * generation. Its batches came through the hub, so their events were in the log before they were written. One
 * more catch-up after that time covers them all, and every later batch writes the target first. From then on
 * queries may read the target.
 *
 * A view over several services reads the archives, and then the hubs up to their newest message. What an
 * instance has written to the live generation alone came through those hubs, so the argument is the same.
 *
 * Events applied by both the catch-up and the projections take effect once, by cursors and applied markers.
 * Each write of the pointer proves that no other process wrote it. If this is interrupted at any point,
 * queries still read a complete generation that projections write. Another process then resumes it, or the
 * next rebuild cleans up.
 * @returns the last pointer, and what was read.
 */
async function catchUpAndDualWrite(
  deps: RebuildDependencies,
  view: AnyView,
  pending: PendingRebuild,
  watch: RebuildWatch,
): Promise<{ readonly held: HeldPointer } & Pick<RebuildResult, 'events' | 'streams'>> {
  try {
    return await catchUpAndStart(deps, view, pending, watch)
  } finally {
    await pending.reader.close()
  }
}

async function catchUpAndStart(
  deps: RebuildDependencies,
  view: AnyView,
  { target, live, held: claimed, project, total, reader, place }: PendingRebuild,
  watch: RebuildWatch,
): ReturnType<typeof catchUpAndDualWrite> {
  const { clock } = deps
  let held = claimed
  let commits = place?.offset === undefined ? 0 : place.commits
  const eventsBefore = commits === 0 ? 0 : (place?.events ?? 0)
  let events = 0
  let streams = 0

  async function readPage() {
    const page = await retry(clock, () => reader.next())
    return page && { ...page, offset: reader.offset }
  }

  /** Applies everything that is in the log at the time of the call. */
  async function catchUp(): Promise<void> {
    for (let next = readPage(); ; ) {
      const page = await next
      if (page === undefined) return
      // Read while this page is applied. If that fails, nobody waits for it.
      next = readPage()
      next.catch(() => {})
      await checkHeld(deps, view, held)
      await retry(clock, () => project(page.events))
      commits += page.items
      events += page.events.length
      streams += page.events.filter(({ version }) => version === 1).length
      watch.read(commits, page.offset, eventsBefore + events)
    }
  }

  watch.begin(target, live, total)
  // The interrupted process had already completed this part.
  if (live === target || held.pointer.built === target) return { held, events, streams }
  await catchUp()
  if (commits < total) throw new TidemarkError('internal', `the feed showed ${commits} of ${total} commits`)

  held = await writeHeldPointer(
    deps,
    view,
    held,
    startDualWrite(held.pointer, target, findCursorView(deps.declared, view)),
  )
  watch.stage('handover')
  const expiresAt = clock.elapsed() + POINTER_EXPIRY_MS
  while (clock.elapsed() < expiresAt) {
    await clock.wait(CATCH_UP_EVERY_MS)
    await catchUp()
  }
  await catchUp()
  return { held, events, streams }
}

/** Lets queries read a complete generation. Both generations are written until no instance reads the old one. */
async function promoteTarget(
  deps: RebuildDependencies,
  view: AnyView,
  { target, live, held: before }: Switchover,
  watch: RebuildWatch,
): Promise<Pick<RebuildResult, 'live' | 'previous'>> {
  let held = before
  if (live !== target) {
    await checkInstances(deps, view)
    await checkCode(deps, view, target, 'build it again').catch(async (error: unknown) => {
      // A later rebuild forgets which code has written this generation.
      await checkHeld(deps, view, held)
      throw error
    })
    held = await writeHeldPointer(deps, view, held, promoteGeneration(held.pointer, target, deps.clock.now()))
  }
  watch.stage('live')
  await deps.clock.wait(POINTER_EXPIRY_MS)
  await cleanUp(deps, view, held)
  return { live: target, previous: held.pointer.previous?.generation ?? live }
}

/**
 * Copies the other views' cursors from the previous generation's documents to the live ones, because the
 * pointer will no longer name the previous generation. Once is enough, because nobody writes it.
 */
async function carryCursors(deps: RebuildDependencies, view: AnyView, { live, previous }: ViewPointer): Promise<void> {
  const isHome = deps.declared.some((other) => findCursorView(deps.declared, other) === view.name)
  if (view.kind !== 'one-stream' || previous === undefined || !isHome) return
  const { clock, generations } = deps
  const store = generations.store(view.name, live)
  const carry = async ({ key, cursor: older }: { readonly key: string; readonly cursor: Cursor }): Promise<void> => {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const before = await store.read(key)
      const passed = mergePassed([before?.cursor, older])
      const parked = mergeParked([before?.cursor, older])
      if (before?.cursor === undefined) return
      if (sameVersions(passed, before.cursor.passed) && sameVersions(parked, before.cursor.parked)) return
      const { document, cursor, etag } = before
      const write = { document, sort: document === undefined ? '' : view.sort(document), etag }
      const result = await store.writeDocument(key, write, { ...cursor, passed, parked })
      if (result.outcome === 'written') return
    }
    throw contended(view, key)
  }
  for await (const page of generations.passed(view.name, previous.generation))
    await forEachLimited(page, CONCURRENCY, (each) => retry(clock, () => carry(each)))
}

/**
 * Stops writing the old generation and removes unused ones. If another process wrote the pointer meanwhile,
 * it does both.
 */
async function cleanUp(deps: RebuildDependencies, view: AnyView, held: HeldPointer): Promise<void> {
  const finished = await tryWritePointer(deps, view, held, finishRebuild(held.pointer))
  if (finished.outcome === 'written') await retry(deps.clock, () => deps.generations.sweep(view.name, finished.pointer))
}

/** Takes over the pointer from any other process. */
async function claimPointer<Pointer extends ViewPointer>(
  { clock, generations, ids }: RebuildDependencies,
  view: AnyView,
  next: (pointer: ViewPointer) => Pointer,
): Promise<HeldPointer<Pointer>> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { pointer, etag } = await retry(clock, () => generations.readPointer(view.name))
    const claimed = { ...next(pointer), stamp: ids() }
    const result = await retry(clock, () => generations.writePointer(view.name, claimed, etag))
    if (result.outcome === 'written') return { pointer: claimed, etag: result.etag }
  }
  throw superseded(view)
}

/** @throws TidemarkError `replay-superseded` if another process has written the pointer. */
async function checkHeld({ clock, generations }: RebuildDependencies, view: AnyView, held: HeldPointer): Promise<void> {
  const { etag } = await retry(clock, () => generations.readPointer(view.name))
  if (etag !== held.etag) throw superseded(view)
}

/** Writes the next pointer. @throws TidemarkError `replay-superseded` if another process has written it. */
async function writeHeldPointer(
  deps: RebuildDependencies,
  view: AnyView,
  held: HeldPointer,
  next: ViewPointer,
): Promise<HeldPointer> {
  const written = await tryWritePointer(deps, view, held, next)
  if (written.outcome === 'conflict') throw superseded(view)
  return written
}

/** Writes the next pointer. @returns `conflict` if another process has written it. */
async function tryWritePointer(
  { clock, generations, ids }: RebuildDependencies,
  view: AnyView,
  held: HeldPointer,
  next: ViewPointer,
): Promise<WriteResult & { readonly pointer: ViewPointer }> {
  const pointer = { ...next, stamp: ids() }
  return { pointer, ...(await retry(clock, () => generations.writePointer(view.name, pointer, held.etag))) }
}

function superseded(view: AnyView): TidemarkError {
  return new TidemarkError('replay-superseded', `another rebuild of ${view.name} began after this one`)
}
