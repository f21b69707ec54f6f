import { describeError, isTidemarkError } from '../core/errors.ts'
import type { Clock, RebuildStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import type { Rebuild, RebuildAction, StoredRebuild } from '../core/rebuild.ts'
import type { AnyView } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import type { RebuildCheckpoint, RebuildPort, RebuildWatch } from './rebuild.ts'

/** How often a running rebuild says how far it is, at most and at least. Milliseconds. */
const REPORT_EVERY_MS = 1_000
const BEAT_MS = 10_000
/** One that has said nothing for so long has ended with its process: another goes on with it. Milliseconds. */
const ENDED_AFTER_MS = 60_000
/**
 * After that, marks no longer tell what the last page brought about: it begins anew. Half of what they live.
 * Milliseconds.
 */
const RESUMABLE_MS = 12 * 3_600_000
/** How often the end of one is tried to be kept. */
const MAX_END_ATTEMPTS = 10

export interface RebuildRunnerDependencies {
  readonly views: readonly AnyView[]
  readonly rebuilder: RebuildPort
  readonly store: RebuildStore
  readonly clock: Clock
  /** Unique to the process. */
  readonly instance: string
  /** Takes a line about what went wrong after whoever asked was answered. */
  readonly warn: (line: string) => void
}

/**
 * Rebuilds that somebody asked for: they run on in the background, and what is kept of each tells everybody
 * how far it is. The next periodic work of any process goes on with one whose process has ended.
 */
export class RebuildRunner {
  readonly #deps: RebuildRunnerDependencies
  readonly #running = new Set<Promise<void>>()

  constructor(deps: RebuildRunnerDependencies) {
    this.#deps = deps
  }

  /** The last rebuild of a view. @throws TidemarkError `unavailable` */
  async last(view: AnyView): Promise<Rebuild | undefined> {
    const kept = await this.#deps.store.read(view.name)
    return kept && toRebuild(kept.rebuild)
  }

  /**
   * Begins a rebuild, in place of one that runs.
   * @returns how it stands: it goes on in the background.
   * @throws TidemarkError `unavailable`, `view-contended`
   */
  async start(view: AnyView, action: RebuildAction, by: string, trace: Trace): Promise<Rebuild> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const before = await this.#deps.store.read(view.name)
      const started = await this.#begin(view, action, by, before?.etag, trace)
      if (started) return started
    }
    throw contended(view, view.name)
  }

  /** Goes on with what processes that have ended left running. @throws TidemarkError `unavailable` */
  async resume(trace: Trace): Promise<void> {
    for (const view of this.#deps.views) {
      const kept = await this.#deps.store.read(view.name)
      if (kept?.rebuild.state !== 'running') continue
      const { action, by, updatedAt, instance, target, commits, total, position, stage } = kept.rebuild
      const silent = Date.parse(this.#deps.clock.now()) - Date.parse(updatedAt)
      if (silent < ENDED_AFTER_MS) continue
      const resumes = target !== undefined && silent < RESUMABLE_MS
      trace(
        `${view.name}: the instance ${instance} ended while it did the ${action}, which ${resumes ? 'goes on' : 'begins anew'}`,
        'warn',
      )
      const left = resumes
        ? { target, commits, total, stage, ...(position === undefined ? {} : { position }) }
        : undefined
      await this.#begin(view, action, by, kept.etag, trace, left)
    }
  }

  /** Settles when none runs in this process any more: for tests. */
  async idle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** @param left where one goes on that ended. @returns undefined where somebody else wrote meanwhile. */
  async #begin(
    view: AnyView,
    action: RebuildAction,
    by: string,
    etag: string | undefined,
    trace: Trace,
    left?: RebuildCheckpoint & Pick<Rebuild, 'stage' | 'total'>,
  ): Promise<Rebuild | undefined> {
    const { store, clock, instance } = this.#deps
    const now = clock.now()
    const started: StoredRebuild = {
      ...{ action, state: 'running', stage: 'reading', commits: 0, total: 0 },
      ...left,
      ...{ startedAt: now, updatedAt: now, by, instance },
    }
    const result = await store.write(view.name, started, etag)
    if (result.outcome === 'conflict') return undefined
    trace(`${by} asked for the ${action} of the view ${view.name}`, 'info')
    const running = this.#run(view, started, result.etag, left).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return toRebuild(started)
  }

  async #run(view: AnyView, started: StoredRebuild, etag: string, place?: RebuildCheckpoint): Promise<void> {
    const { rebuilder, warn } = this.#deps
    const reporter = new RebuildReporter(this.#deps, view.name, { rebuild: started, etag })
    const watch: RebuildWatch = {
      begin: (target, _, total) => reporter.reportNow({ target, total }),
      read: (commits, position) => reporter.reportSoon({ commits, ...(position === undefined ? {} : { position }) }),
      stage: (stage) => reporter.reportNow({ stage }),
      compared: (comparison) => reporter.reportSoon({ comparison }),
    }
    const beats = reporter.beat()
    try {
      await reporter.end({ state: 'done', ...(await runAction(rebuilder, started.action, view, watch, place)) })
    } catch (error) {
      const code = isTidemarkError(error) ? error.code : 'internal'
      const reason = describeError(error)
      const passes = isTidemarkError(error) && error.retriable
      warn(
        `the ${started.action} of the view ${view.name} failed: ${code}: ${reason}${passes ? '. It goes on in a minute' : ''}`,
      )
      // Whatever may pass is as if the process had ended here: the periodic work goes on with it.
      if (passes) reporter.leave()
      else await reporter.end({ state: 'failed', code, reason })
    }
    await beats
  }
}

/** @returns how it stands when it is done. */
async function runAction(
  rebuilder: RebuildPort,
  action: RebuildAction,
  view: AnyView,
  watch: RebuildWatch,
  place: RebuildCheckpoint | undefined,
): Promise<Partial<Rebuild>> {
  switch (action) {
    case 'rebuild':
      return { stage: 'live', target: (await rebuilder.rebuildView(view, watch, place)).live }
    case 'build': {
      const { built, comparison } = await rebuilder.build(view, watch, place)
      return { stage: 'built', target: built, comparison }
    }
    case 'promote':
      return { stage: 'live', target: (await rebuilder.promote(view, watch, place)).live }
    case 'abandon':
      await rebuilder.abandon(view, watch, place)
      return { stage: 'live' }
    case 'go-back':
      return { stage: 'live', target: (await rebuilder.rollBack(view, watch, place)).live }
  }
}

/** What whoever asks is told. */
function toRebuild({ position: _, ...rebuild }: StoredRebuild): Rebuild {
  return rebuild
}

/** Tells how far one rebuild is. */
class RebuildReporter {
  readonly #deps: RebuildRunnerDependencies
  readonly #view: string
  #rebuild: StoredRebuild
  #etag: string
  #writing: Promise<boolean> = Promise.resolve(true)
  #reportedAt = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(deps: RebuildRunnerDependencies, view: string, kept: { rebuild: StoredRebuild; etag: string }) {
    this.#deps = deps
    this.#view = view
    this.#rebuild = kept.rebuild
    this.#etag = kept.etag
  }

  reportNow(change: Partial<StoredRebuild>): void {
    this.#rebuild = { ...this.#rebuild, ...change }
    this.#reportedAt = this.#deps.clock.elapsed()
    this.#writing = this.#writing.then(() => this.#write())
  }

  reportSoon(change: Partial<StoredRebuild>): void {
    this.#rebuild = { ...this.#rebuild, ...change }
    if (this.#deps.clock.elapsed() - this.#reportedAt >= REPORT_EVERY_MS) this.reportNow({})
  }

  /** Says again and again that it goes on. */
  async beat(): Promise<void> {
    while (!this.#isOver) {
      await this.#deps.clock.wait(REPORT_EVERY_MS)
      if (!this.#isOver && this.#deps.clock.elapsed() - this.#reportedAt >= BEAT_MS) this.reportNow({})
    }
  }

  /** Says no more of it. */
  leave(): void {
    this.#isOver = true
  }

  /** Another goes on with what never says that it has ended. */
  async end(change: Partial<Rebuild>): Promise<void> {
    this.#isOver = true
    this.reportNow(change)
    for (let attempt = 1; !(await this.#writing) && attempt < MAX_END_ATTEMPTS; attempt += 1) {
      await this.#deps.clock.wait(REPORT_EVERY_MS)
      this.reportNow({})
    }
  }

  /**
   * @returns whether it is kept, or need not be: once another has begun in its place, this one is not told of
   * any more.
   */
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
      this.#deps.warn(
        `how far the ${this.#rebuild.action} of ${this.#view} is could not be kept: ${describeError(error)}`,
      )
      return false
    }
  }
}
