import { describeError, isTidemarkError } from '../core/errors.ts'
import type { Clock, RebuildStore, WriteResult } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import type { Rebuild, RebuildAction, StoredRebuild } from '../core/rebuild.ts'
import type { AnyView } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import type { RebuildCheckpoint, RebuildPort, RebuildWatch } from './rebuild.ts'

/** The shortest and the longest time between two reports of a running rebuild. Milliseconds. */
const REPORT_EVERY_MS = 1_000
const BEAT_MS = 10_000
/**
 * A rebuild without a report for this long has ended with its process, and another process resumes it.
 * Milliseconds.
 */
const ENDED_AFTER_MS = 60_000
/**
 * After this time applied markers may be gone, and would not show what the last page changed. The rebuild
 * then starts again. Half the markers' lifetime. Milliseconds.
 */
const RESUMABLE_MS = 12 * 3_600_000
/** How many attempts are made to store the end of a rebuild. */
const MAX_END_ATTEMPTS = 10

interface RebuildRunnerDependencies {
  readonly views: readonly AnyView[]
  readonly rebuilder: RebuildPort
  readonly store: RebuildStore
  readonly clock: Clock
  /** Unique to the process. */
  readonly instance: string
  /** Logs a line about a failure that happens after the caller was answered. */
  readonly warn: (line: string) => void
}

/**
 * Runs requested rebuilds in the background. The stored state of each shows its progress to every process. If
 * its process ends, the next periodic work of any process resumes it.
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
   * Starts a rebuild, and replaces one that is running.
   * @returns its initial state; it continues in the background.
   * @throws TidemarkError `unavailable`, `view-contended`
   */
  async start(view: AnyView, action: RebuildAction, by: string, trace: Trace): Promise<Rebuild> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const before = await this.#deps.store.read(view.name)
      const started = await this.#begin(view, { action, by, etag: before?.etag }, trace)
      if (started.outcome === 'written') return started.rebuild
    }
    throw contended(view, view.name)
  }

  /** Resumes the rebuilds of processes that have ended. @throws TidemarkError `unavailable` */
  async resume(trace: Trace): Promise<void> {
    for (const view of this.#deps.views) {
      const kept = await this.#deps.store.read(view.name)
      if (kept?.rebuild.state !== 'running') continue
      const { action, by, updatedAt, instance, target, commits, events, total, position: offset, stage } = kept.rebuild
      const silent = Date.parse(this.#deps.clock.now()) - Date.parse(updatedAt)
      if (silent < ENDED_AFTER_MS) continue
      const resumes = target !== undefined && silent < RESUMABLE_MS
      trace(
        `${view.name}: the instance ${instance} ended during the ${action}, ` +
          `which ${resumes ? 'resumes' : 'starts again'}`,
        'warn',
      )
      const left = resumes
        ? {
            target,
            commits,
            total,
            stage,
            ...(events === undefined ? {} : { events }),
            ...(offset === undefined ? {} : { offset }),
          }
        : undefined
      await this.#begin(view, { action, by, etag: kept.etag, left }, trace)
    }
  }

  /** For tests: resolves when this process runs no rebuild any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** @returns `conflict` if another process wrote meanwhile. */
  async #begin(
    view: AnyView,
    { action, by, etag, left }: Beginning,
    trace: Trace,
  ): Promise<WriteResult & { readonly rebuild: Rebuild }> {
    const { store, clock, instance } = this.#deps
    const now = clock.now()
    const { offset, ...progress }: Partial<NonNullable<Beginning['left']>> = left ?? {}
    const started: StoredRebuild = {
      ...{ action, state: 'running', stage: 'reading', commits: 0, events: 0, total: 0 },
      ...progress,
      ...(offset === undefined ? {} : { position: offset }),
      ...{ startedAt: now, updatedAt: now, by, instance },
    }
    const result = await store.write(view.name, started, etag)
    const begun = { ...result, rebuild: toRebuild(started) }
    if (result.outcome === 'conflict') return begun
    trace(`${by} asked for the ${action} of the view ${view.name}`, 'info')
    const running = this.#run(view, started, result.etag, left).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return begun
  }

  async #run(view: AnyView, started: StoredRebuild, etag: string, place?: RebuildCheckpoint): Promise<void> {
    const { warn } = this.#deps
    const reporter = new RebuildReporter(this.#deps, view.name, { rebuild: started, etag })
    const watch: RebuildWatch = {
      begin: (target, _, total) => reporter.reportNow({ target, total }),
      read: (commits, offset, events) =>
        reporter.reportSoon({ commits, events, ...(offset === undefined ? {} : { position: offset }) }),
      stage: (stage) => reporter.reportNow({ stage }),
      compared: (comparison) => reporter.reportSoon({ comparison }),
    }
    const beats = reporter.beat()
    try {
      await reporter.end({ state: 'done', ...(await this.#runAction(started.action, view, watch, place)) })
    } catch (error) {
      const code = isTidemarkError(error) ? error.code : 'internal'
      const reason = describeError(error)
      const passes = isTidemarkError(error) && error.retriable
      warn(
        `the ${started.action} of the view ${view.name} failed: ${code}: ${reason}` +
          (passes ? '. It resumes in a minute' : ''),
      )
      // A transient failure counts as if the process had ended: the periodic work resumes the rebuild.
      if (passes) reporter.leave()
      else await reporter.end({ state: 'failed', code, reason })
    }
    await beats
  }

  /** @returns the changes to the stored state at the end. */
  async #runAction(
    action: RebuildAction,
    view: AnyView,
    watch: RebuildWatch,
    place: RebuildCheckpoint | undefined,
  ): Promise<Partial<Rebuild>> {
    const { rebuilder } = this.#deps
    switch (action) {
      case 'rebuild':
        return { stage: 'live', target: (await rebuilder.rebuildView(view, watch, place)).live }
      case 'build': {
        const { built, comparison } = await rebuilder.build(view, watch, place)
        return { stage: 'built', target: built, comparison }
      }
      case 'promote':
        return { stage: 'live', target: (await rebuilder.promote(view, watch, place)).live }
      case 'promote-if-equal':
        return { stage: 'live', target: (await rebuilder.promoteIfEqual(view, watch, place)).live }
      case 'abandon':
        await rebuilder.abandon(view, watch, place)
        return { stage: 'live' }
      case 'go-back':
        return { stage: 'live', target: (await rebuilder.rollBack(view, watch, place)).live }
    }
  }
}

/** A rebuild that begins, for the first time or again. */
interface Beginning {
  readonly action: RebuildAction
  readonly by: string
  /** The etag of the view's last rebuild. Undefined: it has none. */
  readonly etag: string | undefined
  /** The checkpoint of a rebuild that resumes. */
  readonly left?: (RebuildCheckpoint & Pick<Rebuild, 'stage' | 'total'>) | undefined
}

/** Returns the public part of a stored rebuild. */
function toRebuild({ position: _, ...rebuild }: StoredRebuild): Rebuild {
  return rebuild
}

/** Reports the progress of one rebuild. */
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

  /** Reports regularly that the rebuild is running. */
  async beat(): Promise<void> {
    while (!this.#isOver) {
      await this.#deps.clock.wait(REPORT_EVERY_MS)
      if (!this.#isOver && this.#deps.clock.elapsed() - this.#reportedAt >= BEAT_MS) this.reportNow({})
    }
  }

  /** Stops reporting. */
  leave(): void {
    this.#isOver = true
  }

  /** Retries the final report, because an unfinished rebuild would be resumed by another process. */
  async end(change: Partial<Rebuild>): Promise<void> {
    this.#isOver = true
    this.reportNow(change)
    for (let attempt = 1; !(await this.#writing) && attempt < MAX_END_ATTEMPTS; attempt += 1) {
      await this.#deps.clock.wait(REPORT_EVERY_MS)
      this.reportNow({})
    }
  }

  /**
   * @returns whether the state is stored. Also true if another rebuild has replaced this one, which is then
   * not reported any more.
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
        // The conflict may be with an earlier write of ours whose answer was lost.
        const kept = await store.read(this.#view)
        const { instance, startedAt } = this.#rebuild
        if (kept?.rebuild.instance !== instance || kept.rebuild.startedAt !== startedAt) return true
        this.#etag = kept.etag
      }
    } catch (error) {
      this.#deps.warn(
        `the progress of the ${this.#rebuild.action} of ${this.#view} could not be stored: ${describeError(error)}`,
      )
      return false
    }
  }
}
