import { isTidemarkError, messageOf } from '../core/errors.ts'
import type { Clock, RebuildStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import type { KeptRebuild, Rebuild, RebuildAction } from '../core/rebuild.ts'
import type { AnyView } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import type { ReplayPlace, ReplayPort, ReplayWatch } from './replay.ts'

/** How often a running rebuild says how far it is, at most and at least. Milliseconds. */
const TOLD_EVERY_MS = 1_000
const BEAT_MS = 10_000
/** One that has said nothing for so long has ended with its process: another goes on with it. Milliseconds. */
const ENDED_AFTER_MS = 60_000
/** After that, marks no longer tell what the last page brought about: it begins anew. Half of what they live. Milliseconds. */
const GOES_ON_MS = 12 * 3_600_000
/** How often the end of one is tried to be kept. */
const MAX_ENDS = 10

export interface RebuildDependencies {
  readonly views: readonly AnyView[]
  readonly replays: ReplayPort
  readonly store: RebuildStore
  readonly clock: Clock
  /** Unique to the process. */
  readonly instance: string
  /** Takes a line about what went wrong after whoever asked was answered. */
  readonly warn: (line: string) => void
}

/**
 * Rebuilds that somebody asked for: they run on in the background, and what is kept of each tells everybody how far it is. The next periodic work
 * of any process goes on with one whose process has ended.
 */
export class Rebuilds {
  readonly #deps: RebuildDependencies
  readonly #running = new Set<Promise<void>>()

  constructor(deps: RebuildDependencies) {
    this.#deps = deps
  }

  /** The last rebuild of a view. @throws TidemarkError `unavailable` */
  async last(view: AnyView): Promise<Rebuild | undefined> {
    const kept = await this.#deps.store.read(view.name)
    return kept && toldOf(kept.rebuild)
  }

  /**
   * Begins a rebuild, in place of one that runs.
   * @returns how it stands: it goes on in the background.
   * @throws TidemarkError `unavailable`, `view-contended`
   */
  async start(view: AnyView, action: RebuildAction, by: string, trace: Trace): Promise<Rebuild> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const before = await this.#deps.store.read(view.name)
      const begun = await this.#begin(view, action, by, before?.etag, trace)
      if (begun) return begun
    }
    throw contended(view, view.name)
  }

  /** Goes on with what processes that have ended left running. @throws TidemarkError `unavailable` */
  async goOn(trace: Trace): Promise<void> {
    for (const view of this.#deps.views) {
      const kept = await this.#deps.store.read(view.name)
      if (kept?.rebuild.state !== 'running') continue
      const { action, by, updatedAt, instance, target, commits, total, position, stage } = kept.rebuild
      const silent = Date.parse(this.#deps.clock.now()) - Date.parse(updatedAt)
      if (silent < ENDED_AFTER_MS) continue
      const goesOn = target !== undefined && silent < GOES_ON_MS
      trace(
        `${view.name}: the instance ${instance} ended while it did the ${action}, which ${goesOn ? 'goes on' : 'begins anew'}`,
        'warn',
      )
      const left = goesOn
        ? { target, commits, total, stage, ...(position === undefined ? {} : { position }) }
        : undefined
      await this.#begin(view, action, by, kept.etag, trace, left)
    }
  }

  /** Settles when none runs in this process any more: for tests. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** @param left where one goes on that ended. @returns undefined where somebody else wrote meanwhile. */
  async #begin(
    view: AnyView,
    action: RebuildAction,
    by: string,
    etag: string | undefined,
    trace: Trace,
    left?: ReplayPlace & Pick<Rebuild, 'stage' | 'total'>,
  ): Promise<Rebuild | undefined> {
    const { store, clock, instance } = this.#deps
    const now = clock.now()
    const begun: KeptRebuild = {
      ...{ action, state: 'running', stage: 'reading', commits: 0, total: 0 },
      ...left,
      ...{ startedAt: now, updatedAt: now, by, instance },
    }
    const result = await store.write(view.name, begun, etag)
    if (result.outcome === 'conflict') return undefined
    trace(`${by} asked for the ${action} of the view ${view.name}`, 'info')
    const running = this.#run(view, begun, result.etag, left).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return toldOf(begun)
  }

  async #run(view: AnyView, begun: KeptRebuild, etag: string, place?: ReplayPlace): Promise<void> {
    const { replays, warn } = this.#deps
    const told = new Told(this.#deps, view.name, { rebuild: begun, etag })
    const watch: ReplayWatch = {
      begin: (target, _, total) => told.now({ target, total }),
      read: (commits, position) => told.soon({ commits, ...(position === undefined ? {} : { position }) }),
      stage: (stage) => told.now({ stage }),
      compared: (comparison) => told.soon({ comparison }),
    }
    const beats = told.beat()
    try {
      await told.end({ state: 'done', ...(await act(replays, begun.action, view, watch, place)) })
    } catch (error) {
      const code = isTidemarkError(error) ? error.code : 'internal'
      const reason = messageOf(error)
      const passes = isTidemarkError(error) && error.retriable
      warn(
        `the ${begun.action} of the view ${view.name} failed: ${code}: ${reason}${passes ? '. It goes on in a minute' : ''}`,
      )
      // Whatever may pass is as if the process had ended here: the periodic work goes on with it.
      if (passes) told.leave()
      else await told.end({ state: 'failed', code, reason })
    }
    await beats
  }
}

/** @returns how it stands when it is done. */
async function act(
  replays: ReplayPort,
  action: RebuildAction,
  view: AnyView,
  watch: ReplayWatch,
  place: ReplayPlace | undefined,
): Promise<Partial<Rebuild>> {
  switch (action) {
    case 'rebuild':
      return { stage: 'live', target: (await replays.replay(view, watch, place)).live }
    case 'build': {
      const { built, comparison } = await replays.build(view, watch, place)
      return { stage: 'built', target: built, comparison }
    }
    case 'promote':
      return { stage: 'live', target: (await replays.promote(view, watch, place)).live }
    case 'abandon':
      await replays.abandon(view, watch, place)
      return { stage: 'live' }
    case 'go-back':
      return { stage: 'live', target: (await replays.goBack(view, watch, place)).live }
  }
}

/** What whoever asks is told. */
function toldOf({ position: _, ...rebuild }: KeptRebuild): Rebuild {
  return rebuild
}

/** Tells how far one rebuild is. */
class Told {
  readonly #deps: RebuildDependencies
  readonly #view: string
  #rebuild: KeptRebuild
  #etag: string
  #writing: Promise<boolean> = Promise.resolve(true)
  #toldAt = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(deps: RebuildDependencies, view: string, kept: { rebuild: KeptRebuild; etag: string }) {
    this.#deps = deps
    this.#view = view
    this.#rebuild = kept.rebuild
    this.#etag = kept.etag
  }

  now(change: Partial<KeptRebuild>): void {
    this.#rebuild = { ...this.#rebuild, ...change }
    this.#toldAt = this.#deps.clock.elapsed()
    this.#writing = this.#writing.then(() => this.#write())
  }

  soon(change: Partial<KeptRebuild>): void {
    this.#rebuild = { ...this.#rebuild, ...change }
    if (this.#deps.clock.elapsed() - this.#toldAt >= TOLD_EVERY_MS) this.now({})
  }

  /** Says again and again that it goes on. */
  async beat(): Promise<void> {
    while (!this.#isOver) {
      await this.#deps.clock.wait(TOLD_EVERY_MS)
      if (!this.#isOver && this.#deps.clock.elapsed() - this.#toldAt >= BEAT_MS) this.now({})
    }
  }

  /** Says no more of it. */
  leave(): void {
    this.#isOver = true
  }

  /** Another goes on with what never says that it has ended. */
  async end(change: Partial<Rebuild>): Promise<void> {
    this.#isOver = true
    this.now(change)
    for (let attempt = 1; !(await this.#writing) && attempt < MAX_ENDS; attempt += 1) {
      await this.#deps.clock.wait(TOLD_EVERY_MS)
      this.now({})
    }
  }

  /** @returns whether it is kept, or need not be: once another has begun in its place, this one is not told of any more. */
  async #write(): Promise<boolean> {
    const { store, clock } = this.#deps
    try {
      for (;;) {
        const result = await store.write(this.#view, { ...this.#rebuild, updatedAt: clock.now() }, this.#etag)
        if (result.outcome === 'written') {
          this.#etag = result.etag
          return true
        }
        // A write that was not answered may have been ours.
        const kept = await store.read(this.#view)
        const { instance, startedAt } = this.#rebuild
        if (kept?.rebuild.instance !== instance || kept.rebuild.startedAt !== startedAt) return true
        this.#etag = kept.etag
      }
    } catch (error) {
      this.#deps.warn(`how far the ${this.#rebuild.action} of ${this.#view} is could not be kept: ${messageOf(error)}`)
      return false
    }
  }
}
