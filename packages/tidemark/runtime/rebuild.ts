import { isTidemarkError, TidemarkError } from '../core/errors.ts'
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
} from '../core/ports.ts'
import type { Comparison, RebuildStage } from '../core/rebuild.ts'
import { ROLLBACK_HOURS } from '../core/service.ts'
import { type AnyView, findCursorView } from '../core/view.ts'
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
import { rebuildProjection } from './project.ts'
import { retry } from './retry.ts'

export interface RebuildDependencies {
  readonly log: EventHistory
  readonly feed: EventFeed
  readonly generations: ViewGenerations
  /** The same, as projections see them. */
  readonly views: ViewStores
  /** All of the service. */
  readonly declared: readonly AnyView[]
  /** Of the service's projections: it tells which instances live, and which views they know. */
  readonly progress: Pick<ProgressStore, 'read'>
  /** What was given up: it is left out again. Absent: nothing ever was. */
  readonly parking?: Pick<ParkingStore, 'discards'>
  readonly eventTypes: readonly EventType[]
  readonly clock: Clock
  readonly ids: Ids
}

/** Who watches what is done to a view's generations. */
export interface RebuildWatch {
  /** @param total commits in the log as it begins. */
  begin(target: number, live: number, total: number): void
  /** @param commits read so far. @param position where they end: of `EventFeedReader`. */
  read(commits: number, position: string | undefined): void
  stage(stage: RebuildStage): void
  /** Of a generation that is built apart: so far. */
  compared?(comparison: Comparison): void
}

/** What a replay has done. */
export interface RebuildResult {
  readonly live: number
  /** The generation that was live before. */
  readonly previous: number
  /** Read from the log, and the streams that they are of: by this process. */
  readonly events: number
  readonly streams: number
}

/** A generation that is built, and waits. */
export interface BuildResult {
  readonly built: number
  readonly live: number
  readonly comparison: Comparison
}

/** Where one goes on that ended early. */
export interface RebuildCheckpoint {
  readonly target: number
  /** Read from the log before it ended, and where they end. */
  readonly commits: number
  readonly position?: string
}

/** What can be done to the generations of a service's views. With a place it goes on there. */
export interface RebuildPort {
  rebuildView(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<RebuildResult>
  build(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<BuildResult>
  promote(
    view: AnyView,
    watch: RebuildWatch,
    place?: RebuildCheckpoint,
  ): Promise<Pick<RebuildResult, 'live' | 'previous'>>
  abandon(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<{ readonly live: number }>
  rollBack(view: AnyView, watch: RebuildWatch, place?: RebuildCheckpoint): Promise<RebuildResult>
}

/** Clocks of two machines run at slightly different speeds. */
const MARGIN_MS = 1_000
const POINTER_EXPIRY_MS = POINTER_MS + MARGIN_MS
const CATCH_UP_EVERY_MS = 250

const HOUR_MS = 3_600_000

/**
 * Builds a view's next generation from the whole log beside the live one, then lets queries read it. Of two
 * at once the later one wins. Whatever an earlier one left is cleared; so is the generation before the one
 * that was live.
 * @throws TidemarkError `replay-superseded`, `log-empty`, `instance-outdated`, and what projections throw;
 * the live generation is then untouched.
 */
export async function rebuildView(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<RebuildResult> {
  const move = place ? await resumeRebuild(deps, view, place) : await nextGeneration(deps, view)
  const { held, ...read } = await catchUpAndDualWrite(deps, view, move, watch)
  return { ...(await promoteTarget(deps, view, { ...move, held }, watch)), ...read }
}

/**
 * Builds a view's next generation as `replay` does, and compares it with the live one. It is kept up to date
 * until somebody promotes or abandons it, or another is built.
 * @throws TidemarkError as `replay`; `must-promote` where the live generation would not be written beside it.
 */
export async function buildGeneration(
  deps: RebuildDependencies,
  view: AnyView,
  watch: RebuildWatch,
  place?: RebuildCheckpoint,
): Promise<BuildResult> {
  const { generations, clock } = deps
  const { pointer } = await retry(clock, () => generations.readPointer(view.name))
  if (movesCursors(pointer, findCursorView(deps.declared, view)))
    throw new TidemarkError(
      'must-promote',
      `${view.name} gets its cursors elsewhere than before: only a whole rebuild can do that`,
    )
  const move = place ? await resumeRebuild(deps, view, place) : await nextGeneration(deps, view)
  const { target, live } = move
  const { held } = await catchUpAndDualWrite(deps, view, move, watch)
  await writeHeldPointer(deps, view, held, awaitPromotion(held.pointer, target))
  watch.stage('comparing')
  const stores = { built: generations.store(view.name, target), live: generations.store(view.name, live) }
  const comparison = await compare(stores, clock, (comparison) => watch.compared?.(comparison))
  return { built: target, live, comparison }
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
  const findTarget = (pointer: ViewPointer): number => place?.target ?? requireBuilt(view, pointer)
  const held = await claimPointer(deps, view, (pointer) => {
    const target = findTarget(pointer)
    if (pointer.live !== target && pointer.built !== target) throw superseded(view)
    return pointer
  })
  const { live } = held.pointer
  const target = findTarget(held.pointer)
  watch.begin(target, live, 0)
  return promoteTarget(deps, view, { target, live, held }, watch)
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
    // It was left before already, by whoever ended.
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
    throw new TidemarkError('nothing-built', `${view.name} has no generation that was built and waits`)
  return built
}

/** A generation that is to be live. */
interface Switchover {
  readonly target: number
  readonly live: number
  readonly held: HeldPointer
}

/** One that is brought up to the log first. */
interface PendingRebuild extends Switchover {
  /** Brings the target up. */
  readonly project: (events: readonly RecordedEvent[]) => Promise<void>
  /** Commits in the log as it begins. */
  readonly total: number
  /** Where it goes on. */
  readonly place?: RebuildCheckpoint
}

async function nextGeneration(deps: RebuildDependencies, view: AnyView): Promise<PendingRebuild> {
  const total = await countCommits(deps, view)
  await checkInstances(deps, view)
  const held = await claimPointer(deps, view, startRebuild)
  const { building, live } = held.pointer
  await carryCursors(deps, view, held.pointer)
  await retry(deps.clock, () => deps.generations.sweep(view.name, held.pointer))
  const generation = { number: building, store: deps.generations.store(view.name, building) }
  const project = rebuildProjection(deps, view, generation, {
    readsFirst: false,
    isDiscarded: await readDiscards(deps, view),
  })
  return { target: building, live, held, project, total }
}

/**
 * Goes on with one whose process ended.
 * @throws TidemarkError `replay-superseded` where another was begun meanwhile.
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
  return { target, live: held.pointer.live, held, project, total, place }
}

/** Brings up a generation that has something already: what is stored tells how far it is. */
async function resumeProjection(
  deps: RebuildDependencies,
  view: AnyView,
  number: number,
): Promise<(events: readonly RecordedEvent[]) => Promise<void>> {
  const generation = { number, store: deps.generations.store(view.name, number) }
  return rebuildProjection(deps, view, generation, {
    // Its marks may have expired: what it has applied, cursors alone tell.
    readsFirst: true,
    isDiscarded: await readDiscards(deps, view),
    ...(view.kind === 'one-stream'
      ? {}
      : {
          passed: async (stream: string) =>
            (await readStreamProgress(deps.views, view, await deps.views.state(view.name), generation, stream)).passed,
        }),
  })
}

/** What was given up for a view, whatever its generation. */
export async function readDiscards(
  { parking, clock }: Pick<RebuildDependencies, 'parking' | 'clock'>,
  view: AnyView,
): Promise<(stream: string, version: number) => boolean> {
  const all = parking ? await retry(clock, () => parking.discards()) : []
  const discards = all.filter(({ handler }) => handler === view.name)
  return (stream, version) =>
    discards.some((each) => each.stream === stream && each.from <= version && version <= each.to)
}

/**
 * Brings the generation that was live before up to the log, and lets queries read it again. The other one is
 * kept: going back twice is going forward.
 * @throws TidemarkError `no-way-back` where there is none, or it was left too long ago; and as `replay`.
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
  const held = await claimPointer(deps, view, (pointer) => ({
    // One that was built, or half built, is not wanted any more.
    ...(pointer.building === undefined ? finishRebuild(pointer) : abandonBuild(pointer)),
    previous: requirePrevious(view, pointer, deps.clock.now()),
  }))
  const { previous, live } = held.pointer
  const total = await countCommits(deps, view)
  const project = await resumeProjection(deps, view, previous.generation)
  return { target: previous.generation, live, held, project, total }
}

async function countCommits({ feed, clock }: RebuildDependencies, view: AnyView): Promise<number> {
  const total = await retry(clock, () => feed.count())
  if (total === 0) throw new TidemarkError('log-empty', `the log that ${view.name} is made from has no event`)
  return total
}

/** Instances write once a minute that they live. One that is late by as much is taken to have ended. */
const LIVES_S = 120

/**
 * Whatever an instance handles that does not know the view would be missing in it.
 * @throws TidemarkError `instance-outdated`
 */
async function checkInstances({ progress, clock }: RebuildDependencies, view: AnyView): Promise<void> {
  const instances = await retry(clock, () => progress.read())
  const outdated = instances.find(({ age, handlers }) => age < LIVES_S && !handlers.includes(view.name))
  if (outdated === undefined) return
  const { instance, build, age } = outdated
  throw new TidemarkError(
    'instance-outdated',
    `the instance ${instance} of build ${build} does not know ${view.name}, and gave its last sign ${Math.round(age)} s ago: replay again when it ` +
      `has ended, or gave none for ${LIVES_S} s`,
  )
}

function requirePrevious(view: AnyView, { previous }: ViewPointer, now: string): NonNullable<ViewPointer['previous']> {
  if (previous === undefined)
    throw new TidemarkError('no-way-back', `${view.name} has no generation before the live one`)
  // A document of one stream has its own cursor: it is exact however old.
  if (view.kind === 'many-streams' && Date.parse(now) - Date.parse(previous.left) > ROLLBACK_HOURS * HOUR_MS)
    throw new TidemarkError(
      'no-way-back',
      `generation ${previous.generation} of ${view.name} was left at ${previous.left}, more than ${ROLLBACK_HOURS} hours ago: replay instead`,
    )
  return previous
}

/** A pointer as it was written, and the right to write the next one: nobody has written since. */
interface HeldPointer<Pointer extends ViewPointer = ViewPointer> {
  readonly pointer: Pointer
  readonly etag: string
}

/**
 * Brings another generation to where it has all that the live one has, at every moment from then on.
 *
 * First the target is brought up to the end of the log. Then projections join: they write the target before
 * the live generation. An instance may take the pointer before that for the current one for POINTER_MS; a
 * batch that it still writes to the live generation alone came through the hub, so its events were in the log
 * before it began. Catching up once more, begun after that time, covers them all, and every batch that begins
 * later writes the target first: from here on queries may read the target.
 *
 * What the catching up and the projections apply twice takes effect once, by cursors and marks. Each write of
 * the pointer proves that nobody wrote it meanwhile. Where this ends early, whatever it was at, queries read
 * a complete generation that projections write; another process goes on with it, or the next replay clears
 * up.
 * @returns with the pointer that was written last, and what was read.
 */
async function catchUpAndDualWrite(
  deps: RebuildDependencies,
  view: AnyView,
  { target, live, held: claimed, project, total, place }: PendingRebuild,
  watch: RebuildWatch,
): Promise<{ readonly held: HeldPointer } & Pick<RebuildResult, 'events' | 'streams'>> {
  const { clock, generations } = deps
  const reader = deps.feed.open(place?.position === undefined ? {} : { offset: place.position })
  let held = claimed
  let commits = place?.position === undefined ? 0 : place.commits
  let events = 0
  let streams = 0

  /** Brings the target up to all that is in the log at the call. */
  async function catchUp(): Promise<void> {
    for (;;) {
      const page = await retry(clock, () => reader.next())
      if (page === undefined) return
      const { etag } = await retry(clock, () => generations.readPointer(view.name))
      if (etag !== held.etag) throw superseded(view)
      const read = page.flatMap((commit) => commit.events)
      await retry(clock, () => project(read))
      commits += page.length
      events += read.length
      streams += page.filter(({ from }) => from === 1).length
      watch.read(commits, reader.offset)
    }
  }

  watch.begin(target, live, total)
  // It had come so far before its process ended.
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

/**
 * Lets queries read a generation that lacks nothing. Both go on being written until no instance reads the one
 * that was live.
 */
async function promoteTarget(
  deps: RebuildDependencies,
  view: AnyView,
  { target, live, held: before }: Switchover,
  watch: RebuildWatch,
): Promise<Pick<RebuildResult, 'live' | 'previous'>> {
  let held = before
  if (live !== target) {
    await checkInstances(deps, view)
    held = await writeHeldPointer(deps, view, held, promoteGeneration(held.pointer, target, deps.clock.now()))
  }
  watch.stage('live')
  await deps.clock.wait(POINTER_EXPIRY_MS)
  await cleanUp(deps, view, held)
  return { live: target, previous: held.pointer.previous?.generation ?? live }
}

/**
 * The generation before the live one will not be named any more. What its documents alone say of how far
 * other views have come, the live one's say from here on. Nobody writes it, so that once is enough.
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
 * Projections leave the generation that was live, and what no longer has a use is removed. Who wrote the
 * pointer meanwhile sees to both.
 */
async function cleanUp(deps: RebuildDependencies, view: AnyView, held: HeldPointer): Promise<void> {
  try {
    const { pointer } = await writeHeldPointer(deps, view, held, finishRebuild(held.pointer))
    await retry(deps.clock, () => deps.generations.sweep(view.name, pointer))
  } catch (error) {
    if (!isTidemarkError(error, 'replay-superseded')) throw error
  }
}

/** Takes the pointer over from whoever holds it. */
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

/** Writes the next pointer where nobody wrote it since. @throws TidemarkError `replay-superseded` */
async function writeHeldPointer(
  { clock, generations, ids }: RebuildDependencies,
  view: AnyView,
  held: HeldPointer,
  next: ViewPointer,
): Promise<HeldPointer> {
  const pointer = { ...next, stamp: ids() }
  const result = await retry(clock, () => generations.writePointer(view.name, pointer, held.etag))
  if (result.outcome === 'written') return { pointer, etag: result.etag }
  throw superseded(view)
}

function superseded(view: AnyView): TidemarkError {
  return new TidemarkError('replay-superseded', `another replay of ${view.name} began after this one`)
}
