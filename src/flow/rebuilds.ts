import { isTidemarkError, messageOf } from '../core/errors.ts'
import type { Clock, RebuildStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import type { Rebuild, RebuildAction } from '../core/rebuild.ts'
import type { AnyView } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import type { ReplayPort, ReplayWatch } from './replay.ts'

/** How often a running rebuild says how far it is, at most and at least. Milliseconds. */
const TOLD_EVERY_MS = 1_000
const BEAT_MS = 10_000
/** One that has said nothing for so long has ended with its process: another begins it anew. Milliseconds. */
const ENDED_AFTER_MS = 60_000
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
 * Rebuilds that somebody asked for: they run on in the background, and what is kept of each tells everybody how far it is. One whose process ends
 * is begun anew by the next periodic work of any process.
 */
export class Rebuilds {
  readonly #deps: RebuildDependencies
  readonly #running = new Set<Promise<void>>()

  constructor(deps: RebuildDependencies) {
    this.#deps = deps
  }

  /** The last rebuild of a view. @throws TidemarkError `unavailable` */
  async last(view: AnyView): Promise<Rebuild | undefined> {
    return (await this.#deps.store.read(view.name))?.rebuild
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

  /** Begins anew what processes that have ended left running. @throws TidemarkError `unavailable` */
  async goOn(trace: Trace): Promise<void> {
    for (const view of this.#deps.views) {
      const kept = await this.#deps.store.read(view.name)
      if (kept?.rebuild.state !== 'running') continue
      const { action, by, updatedAt, instance } = kept.rebuild
      if (Date.parse(this.#deps.clock.now()) - Date.parse(updatedAt) < ENDED_AFTER_MS) continue
      trace(`${view.name}: the instance ${instance} ended while it did the ${action}, which begins anew`, 'warn')
      await this.#begin(view, action, by, kept.etag, trace)
    }
  }

  /** Settles when none runs in this process any more: for tests. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** @returns undefined where somebody else wrote meanwhile. */
  async #begin(
    view: AnyView,
    action: RebuildAction,
    by: string,
    etag: string | undefined,
    trace: Trace,
  ): Promise<Rebuild | undefined> {
    const { store, clock, instance } = this.#deps
    const now = clock.now()
    const counts = { commits: 0, total: 0 }
    const begun: Rebuild = {
      ...{ action, state: 'running', stage: 'reading', ...counts },
      ...{ startedAt: now, updatedAt: now, by, instance },
    }
    const result = await store.write(view.name, begun, etag)
    if (result.outcome === 'conflict') return undefined
    trace(`${by} asked for the ${action} of the view ${view.name}`, 'info')
    const running = this.#run(view, begun, result.etag).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return begun
  }

  async #run(view: AnyView, begun: Rebuild, etag: string): Promise<void> {
    const { replays, warn } = this.#deps
    const told = new Told(this.#deps, view.name, { rebuild: begun, etag })
    const watch: ReplayWatch = {
      begin: (target, _, total) => told.now({ target, total }),
      read: (commits) => told.soon({ commits }),
      stage: (stage) => told.now({ stage }),
    }
    const beats = told.beat()
    try {
      const { live } = await (begun.action === 'rebuild' ? replays.replay(view, watch) : replays.goBack(view, watch))
      await told.end({ state: 'done', stage: 'live', target: live })
    } catch (error) {
      const code = isTidemarkError(error) ? error.code : 'internal'
      const reason = messageOf(error)
      warn(`the ${begun.action} of the view ${view.name} failed: ${code}: ${reason}`)
      await told.end({ state: 'failed', code, reason })
    }
    await beats
  }
}

/** Tells how far one rebuild is. */
class Told {
  readonly #deps: RebuildDependencies
  readonly #view: string
  #rebuild: Rebuild
  #etag: string
  #writing: Promise<boolean> = Promise.resolve(true)
  #toldAt = Number.NEGATIVE_INFINITY
  #isOver = false

  constructor(deps: RebuildDependencies, view: string, kept: { rebuild: Rebuild; etag: string }) {
    this.#deps = deps
    this.#view = view
    this.#rebuild = kept.rebuild
    this.#etag = kept.etag
  }

  now(change: Partial<Rebuild>): void {
    this.#rebuild = { ...this.#rebuild, ...change }
    this.#toldAt = this.#deps.clock.elapsed()
    this.#writing = this.#writing.then(() => this.#write())
  }

  soon(change: Partial<Rebuild>): void {
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

  /** Another begins anew what never says that it has ended. */
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
