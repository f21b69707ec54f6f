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
import { BACK_HOURS } from '../core/service.ts'
import { type AnyView, cursorsOf } from '../core/view.ts'
import {
  abandoned,
  begun,
  generationsOf,
  joined,
  movesCursors,
  settled,
  swapped,
  type ViewPointer,
  waiting,
} from '../core/view-pointer.ts'
import { compare } from './compare.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { mergeParked, mergePassed, sameVersions, standingOf } from './cursors.ts'
import { AT_ONCE, forEachLimited } from './limited.ts'
import { POINTER_MS } from './live-views.ts'
import { persistently } from './persistently.ts'
import { rebuilding } from './project.ts'

export interface ReplayDependencies {
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
export interface ReplayWatch {
  /** @param total commits in the log as it begins. */
  begin(target: number, live: number, total: number): void
  /** @param commits read so far. @param position where they end: of `EventFeedReader`. */
  read(commits: number, position: string | undefined): void
  stage(stage: RebuildStage): void
  /** Of a generation that is built apart: so far. */
  compared?(comparison: Comparison): void
}

/** What a replay has done. */
export interface Replayed {
  readonly live: number
  /** The generation that was live before. */
  readonly previous: number
  /** Read from the log, and the streams that they are of: by this process. */
  readonly events: number
  readonly streams: number
}

/** A generation that is built, and waits. */
export interface Built {
  readonly built: number
  readonly live: number
  readonly comparison: Comparison
}

/** Where one goes on that ended early. */
export interface ReplayPlace {
  readonly target: number
  /** Read from the log before it ended, and where they end. */
  readonly commits: number
  readonly position?: string
}

/** What can be done to the generations of a service's views. With a place it goes on there. */
export interface ReplayPort {
  replay(view: AnyView, watch: ReplayWatch, place?: ReplayPlace): Promise<Replayed>
  build(view: AnyView, watch: ReplayWatch, place?: ReplayPlace): Promise<Built>
  promote(view: AnyView, watch: ReplayWatch, place?: ReplayPlace): Promise<Pick<Replayed, 'live' | 'previous'>>
  abandon(view: AnyView, watch: ReplayWatch, place?: ReplayPlace): Promise<{ readonly live: number }>
  goBack(view: AnyView, watch: ReplayWatch, place?: ReplayPlace): Promise<Replayed>
}

/** Clocks of two machines run at slightly different speeds. */
const MARGIN_MS = 1_000
const OUTLASTING_MS = POINTER_MS + MARGIN_MS
const CATCH_UP_EVERY_MS = 250

const HOUR_MS = 3_600_000

/**
 * Builds a view's next generation from the whole log beside the live one, then lets queries read it. Of two at once the later one wins.
 * Whatever an earlier one left is cleared; so is the generation before the one that was live.
 * @throws TidemarkError `replay-superseded`, `log-empty`, `instance-outdated`, and what projections throw; the live generation is then untouched.
 */
export async function replay(
  deps: ReplayDependencies,
  view: AnyView,
  watch: ReplayWatch,
  place?: ReplayPlace,
): Promise<Replayed> {
  const move = place ? await takenUp(deps, view, place) : await nextGeneration(deps, view)
  const { held, ...read } = await bringUp(deps, view, move, watch)
  return { ...(await makeLive(deps, view, { ...move, held }, watch)), ...read }
}

/**
 * Builds a view's next generation as `replay` does, and compares it with the live one. It is kept up to date until somebody promotes or abandons it,
 * or another is built.
 * @throws TidemarkError as `replay`; `must-promote` where the live generation would not be written beside it.
 */
export async function buildNext(
  deps: ReplayDependencies,
  view: AnyView,
  watch: ReplayWatch,
  place?: ReplayPlace,
): Promise<Built> {
  const { generations, clock } = deps
  const { pointer } = await persistently(clock, () => generations.readPointer(view.name))
  if (movesCursors(pointer, cursorsOf(deps.declared, view)))
    throw new TidemarkError(
      'must-promote',
      `${view.name} gets its cursors elsewhere than before: only a whole rebuild can do that`,
    )
  const move = place ? await takenUp(deps, view, place) : await nextGeneration(deps, view)
  const { target, live } = move
  const { held } = await bringUp(deps, view, move, watch)
  await put(deps, view, held, waiting(held.pointer, target))
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
  deps: ReplayDependencies,
  view: AnyView,
  watch: ReplayWatch,
  place?: ReplayPlace,
): Promise<Pick<Replayed, 'live' | 'previous'>> {
  const targetOf = (pointer: ViewPointer): number => place?.target ?? builtOf(view, pointer)
  const held = await claim(deps, view, (pointer) => {
    const target = targetOf(pointer)
    if (pointer.live !== target && pointer.built !== target) throw superseded(view)
    return pointer
  })
  const { live } = held.pointer
  const target = targetOf(held.pointer)
  watch.begin(target, live, 0)
  return makeLive(deps, view, { target, live, held }, watch)
}

/**
 * Removes the generation that was built.
 * @throws TidemarkError `nothing-built`
 */
export async function abandon(
  deps: ReplayDependencies,
  view: AnyView,
  watch: ReplayWatch,
  place?: ReplayPlace,
): Promise<{ readonly live: number }> {
  const { pointer } = await claim(deps, view, (pointer) => {
    const built = place ? pointer.built : builtOf(view, pointer)
    // It was left before already, by whoever ended.
    if (built === undefined) return pointer
    watch.begin(built, pointer.live, 0)
    return abandoned(pointer)
  })
  // Until no instance writes it any more.
  await deps.clock.wait(OUTLASTING_MS)
  await persistently(deps.clock, () => deps.generations.sweep(view.name, pointer))
  return { live: pointer.live }
}

function builtOf(view: AnyView, { built }: ViewPointer): number {
  if (built === undefined)
    throw new TidemarkError('nothing-built', `${view.name} has no generation that was built and waits`)
  return built
}

/** A generation that is to be live. */
interface Move {
  readonly target: number
  readonly live: number
  readonly held: Held
}

/** One that is brought up to the log first. */
interface Bringing extends Move {
  /** Brings the target up. */
  readonly project: (events: readonly RecordedEvent[]) => Promise<void>
  /** Commits in the log as it begins. */
  readonly total: number
  /** Where it goes on. */
  readonly place?: ReplayPlace
}

async function nextGeneration(deps: ReplayDependencies, view: AnyView): Promise<Bringing> {
  const total = await countCommits(deps, view)
  await checkInstances(deps, view)
  const held = await claim(deps, view, begun)
  const { building, live } = held.pointer
  await carryCursors(deps, view, held.pointer)
  await persistently(deps.clock, () => deps.generations.sweep(view.name, held.pointer))
  const generation = { number: building, store: deps.generations.store(view.name, building) }
  const project = rebuilding(deps, view, generation, { looks: false, leavesOut: await givenUp(deps, view) })
  return { target: building, live, held, project, total }
}

/** Goes on with one whose process ended. @throws TidemarkError `replay-superseded` where another was begun meanwhile. */
async function takenUp(deps: ReplayDependencies, view: AnyView, place: ReplayPlace): Promise<Bringing> {
  const { target } = place
  const held = await claim(deps, view, (pointer) => {
    if (!generationsOf(pointer).has(target)) throw superseded(view)
    return pointer
  })
  const total = await countCommits(deps, view)
  const project = await bringingUp(deps, view, target)
  return { target, live: held.pointer.live, held, project, total, place }
}

/** Brings up a generation that has something already: what is stored tells how far it is. */
async function bringingUp(
  deps: ReplayDependencies,
  view: AnyView,
  number: number,
): Promise<(events: readonly RecordedEvent[]) => Promise<void>> {
  const generation = { number, store: deps.generations.store(view.name, number) }
  return rebuilding(deps, view, generation, {
    // Its marks may have expired: what it has applied, cursors alone tell.
    looks: true,
    leavesOut: await givenUp(deps, view),
    ...(view.kind === 'one-stream'
      ? {}
      : {
          passed: async (stream: string) =>
            (await standingOf(deps.views, view, await deps.views.state(view.name), generation, stream)).passed,
        }),
  })
}

/** What was given up for a view, whatever its generation. */
export async function givenUp(
  { parking, clock }: Pick<ReplayDependencies, 'parking' | 'clock'>,
  view: AnyView,
): Promise<(stream: string, version: number) => boolean> {
  const all = parking ? await persistently(clock, () => parking.discards()) : []
  const discards = all.filter(({ handler }) => handler === view.name)
  return (stream, version) =>
    discards.some((each) => each.stream === stream && each.from <= version && version <= each.to)
}

/**
 * Brings the generation that was live before up to the log, and lets queries read it again. The other one is kept: going back twice is going
 * forward.
 * @throws TidemarkError `no-way-back` where there is none, or it was left too long ago; and as `replay`.
 */
export async function goBack(
  deps: ReplayDependencies,
  view: AnyView,
  watch: ReplayWatch,
  place?: ReplayPlace,
): Promise<Replayed> {
  const move = place ? await takenUp(deps, view, place) : await generationBefore(deps, view)
  const { held, ...read } = await bringUp(deps, view, move, watch)
  return { ...(await makeLive(deps, view, { ...move, held }, watch)), ...read }
}

async function generationBefore(deps: ReplayDependencies, view: AnyView): Promise<Bringing> {
  const held = await claim(deps, view, (pointer) => ({
    // One that was built, or half built, is not wanted any more.
    ...(pointer.building === undefined ? settled(pointer) : abandoned(pointer)),
    previous: wayBack(view, pointer, deps.clock.now()),
  }))
  const { previous, live } = held.pointer
  const total = await countCommits(deps, view)
  const project = await bringingUp(deps, view, previous.generation)
  return { target: previous.generation, live, held, project, total }
}

async function countCommits({ feed, clock }: ReplayDependencies, view: AnyView): Promise<number> {
  const total = await persistently(clock, () => feed.count())
  if (total === 0) throw new TidemarkError('log-empty', `the log that ${view.name} is made from has no event`)
  return total
}

/** Instances write once a minute that they live. One that is late by as much is taken to have ended. */
const LIVES_S = 120

/** Whatever an instance handles that does not know the view would be missing in it. @throws TidemarkError `instance-outdated` */
async function checkInstances({ progress, clock }: ReplayDependencies, view: AnyView): Promise<void> {
  const instances = await persistently(clock, () => progress.read())
  const outdated = instances.find(({ age, handlers }) => age < LIVES_S && !handlers.includes(view.name))
  if (outdated === undefined) return
  const { instance, build, age } = outdated
  throw new TidemarkError(
    'instance-outdated',
    `the instance ${instance} of build ${build} does not know ${view.name}, and gave its last sign ${Math.round(age)} s ago: replay again when it ` +
      `has ended, or gave none for ${LIVES_S} s`,
  )
}

function wayBack(view: AnyView, { previous }: ViewPointer, now: string): NonNullable<ViewPointer['previous']> {
  if (previous === undefined)
    throw new TidemarkError('no-way-back', `${view.name} has no generation before the live one`)
  // A document of one stream has its own cursor: it is exact however old.
  if (view.kind === 'many-streams' && Date.parse(now) - Date.parse(previous.left) > BACK_HOURS * HOUR_MS)
    throw new TidemarkError(
      'no-way-back',
      `generation ${previous.generation} of ${view.name} was left at ${previous.left}, more than ${BACK_HOURS} hours ago: replay instead`,
    )
  return previous
}

/** A pointer as it was written, and the right to write the next one: nobody has written since. */
interface Held<Pointer extends ViewPointer = ViewPointer> {
  readonly pointer: Pointer
  readonly etag: string
}

/**
 * Brings another generation to where it has all that the live one has, at every moment from then on.
 *
 * First the target is brought up to the end of the log. Then projections join: they write the target before the live generation. An instance
 * may take the pointer before that for the current one for POINTER_MS; a batch that it still writes to the live generation alone came through
 * the hub, so its events were in the log before it began. Catching up once more, begun after that time, covers them all, and every
 * batch that begins later writes the target first: from here on queries may read the target.
 *
 * What the catching up and the projections apply twice takes effect once, by cursors and marks. Each write of the pointer proves that
 * nobody wrote it meanwhile. Where this ends early, whatever it was at, queries read a complete generation that projections write; another process
 * goes on with it, or the next replay clears up.
 * @returns with the pointer that was written last, and what was read.
 */
async function bringUp(
  deps: ReplayDependencies,
  view: AnyView,
  { target, live, held: claimed, project, total, place }: Bringing,
  watch: ReplayWatch,
): Promise<{ readonly held: Held } & Pick<Replayed, 'events' | 'streams'>> {
  const { clock, generations } = deps
  const reader = deps.feed.open(place?.position === undefined ? {} : { position: place.position })
  let held = claimed
  let commits = place?.position === undefined ? 0 : place.commits
  let events = 0
  let streams = 0

  /** Brings the target up to all that is in the log at the call. */
  async function catchUp(): Promise<void> {
    for (;;) {
      const page = await persistently(clock, () => reader.next())
      if (page === undefined) return
      const { etag } = await persistently(clock, () => generations.readPointer(view.name))
      if (etag !== held.etag) throw superseded(view)
      const read = page.flatMap((commit) => commit.events)
      await persistently(clock, () => project(read))
      commits += page.length
      events += read.length
      streams += page.filter(({ from }) => from === 1).length
      watch.read(commits, reader.position)
    }
  }

  watch.begin(target, live, total)
  // It had come so far before its process ended.
  if (live === target || held.pointer.built === target) return { held, events, streams }
  await catchUp()
  if (commits < total) throw new TidemarkError('internal', `the feed showed ${commits} of ${total} commits`)

  held = await put(deps, view, held, joined(held.pointer, target, cursorsOf(deps.declared, view)))
  watch.stage('handover')
  const outlasted = clock.elapsed() + OUTLASTING_MS
  while (clock.elapsed() < outlasted) {
    await clock.wait(CATCH_UP_EVERY_MS)
    await catchUp()
  }
  await catchUp()
  return { held, events, streams }
}

/** Lets queries read a generation that lacks nothing. Both go on being written until no instance reads the one that was live. */
async function makeLive(
  deps: ReplayDependencies,
  view: AnyView,
  { target, live, held: before }: Move,
  watch: ReplayWatch,
): Promise<Pick<Replayed, 'live' | 'previous'>> {
  let held = before
  if (live !== target) {
    await checkInstances(deps, view)
    held = await put(deps, view, held, swapped(held.pointer, target, deps.clock.now()))
  }
  watch.stage('live')
  await deps.clock.wait(OUTLASTING_MS)
  await clearUp(deps, view, held)
  return { live: target, previous: held.pointer.previous?.generation ?? live }
}

/**
 * The generation before the live one will not be named any more. What its documents alone say of how far other views have come, the live one's
 * say from here on. Nobody writes it, so that once is enough.
 */
async function carryCursors(deps: ReplayDependencies, view: AnyView, { live, previous }: ViewPointer): Promise<void> {
  const isHome = deps.declared.some((other) => cursorsOf(deps.declared, other) === view.name)
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
    await forEachLimited(page, AT_ONCE, (each) => persistently(clock, () => carry(each)))
}

/** Projections leave the generation that was live, and what no longer has a use is removed. Who wrote the pointer meanwhile sees to both. */
async function clearUp(deps: ReplayDependencies, view: AnyView, held: Held): Promise<void> {
  try {
    const { pointer } = await put(deps, view, held, settled(held.pointer))
    await persistently(deps.clock, () => deps.generations.sweep(view.name, pointer))
  } catch (error) {
    if (!isTidemarkError(error, 'replay-superseded')) throw error
  }
}

/** Takes the pointer over from whoever holds it. */
async function claim<Pointer extends ViewPointer>(
  { clock, generations, ids }: ReplayDependencies,
  view: AnyView,
  next: (pointer: ViewPointer) => Pointer,
): Promise<Held<Pointer>> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const { pointer, etag } = await persistently(clock, () => generations.readPointer(view.name))
    const claimed = { ...next(pointer), stamp: ids() }
    const result = await persistently(clock, () => generations.writePointer(view.name, claimed, etag))
    if (result.outcome === 'written') return { pointer: claimed, etag: result.etag }
  }
  throw superseded(view)
}

/** Writes the next pointer where nobody wrote it since. @throws TidemarkError `replay-superseded` */
async function put(
  { clock, generations, ids }: ReplayDependencies,
  view: AnyView,
  held: Held,
  next: ViewPointer,
): Promise<Held> {
  const pointer = { ...next, stamp: ids() }
  const result = await persistently(clock, () => generations.writePointer(view.name, pointer, held.etag))
  if (result.outcome === 'written') return { pointer, etag: result.etag }
  throw superseded(view)
}

function superseded(view: AnyView): TidemarkError {
  return new TidemarkError('replay-superseded', `another replay of ${view.name} began after this one`)
}
