import type { ViewGenerations, WriteResult } from '../core/ports.ts'
import type { AnyView } from '../core/view.ts'
import { type GenerationCodes, UNKNOWN_CODE, type WriterCode } from '../core/view-code.ts'
import { listGenerationNumbers, type ViewPointer } from '../core/view-pointer.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'

/** Two are enough to know that a generation is not of one code. */
const MOST_WRITERS = 2

/**
 * Records which code writes each generation of a view, before its first write. Only a generation that the
 * running code alone has written is a view of that code.
 */
export class ViewCodes {
  readonly #generations: ViewGenerations
  readonly #build: string
  readonly #compute: (view: AnyView) => string
  readonly #own = new Map<string, WriterCode>()
  readonly #recorded = new Set<string>()

  /** @param compute the code of a view; called once for each. */
  constructor(generations: ViewGenerations, build: string, compute: (view: AnyView) => string) {
    this.#generations = generations
    this.#build = build
    this.#compute = compute
  }

  /**
   * Records that this process writes a generation, once.
   * @throws TidemarkError `unavailable`, `outcome-unknown`, `view-contended`
   */
  async record(view: AnyView, generation: number): Promise<void> {
    const entry = `${view.name}@${generation}`
    if (this.#recorded.has(entry)) return
    const own = this.#findOwn(view)
    await this.#change(view, async (codes, isFirst) => {
      const writers = codes[generation] ?? (await this.#findFormer(view, generation, isFirst))
      if (writers.some(({ code }) => code === own.code)) return codes
      return { ...codes, [generation]: [...writers, own].slice(0, MOST_WRITERS) }
    })
    this.#recorded.add(entry)
  }

  /** Records that this process begins a generation, and forgets those that the pointer does not name. */
  async begin(view: AnyView, generation: number, pointer: ViewPointer): Promise<void> {
    const used = listGenerationNumbers(pointer)
    await this.#change(view, async (codes) => {
      const kept = Object.entries(codes).filter(([number]) => used.has(Number(number)))
      return { ...Object.fromEntries(kept), [generation]: [this.#findOwn(view)] }
    })
  }

  /** Names other code that has written a generation. @returns undefined if only this code has. */
  async findOther(view: AnyView, generation: number): Promise<string | undefined> {
    const { codes } = await this.#generations.readCodes(view.name)
    const { code: own } = this.#findOwn(view)
    const other = (codes[generation] ?? [UNKNOWN_CODE]).find(({ code }) => code !== own)
    if (other === undefined) return undefined
    if (other.code === UNKNOWN_CODE.code) return 'a build that did not record its code'
    return `build ${other.build} (code ${other.code})`
  }

  /** Who wrote a generation before anything was recorded of it: nobody, if the view is new and empty. */
  async #findFormer(view: AnyView, generation: number, isFirst: boolean): Promise<readonly WriterCode[]> {
    if (!isFirst) return [UNKNOWN_CODE]
    const [any] = await this.#generations.store(view.name, generation).list({ filter: {}, limit: 1 })
    return any === undefined ? [] : [UNKNOWN_CODE]
  }

  /** @param change returns the codes themselves if there is nothing to write. */
  async #change(
    view: AnyView,
    change: (codes: GenerationCodes, isFirst: boolean) => Promise<GenerationCodes>,
  ): Promise<void> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { codes, etag } = await this.#generations.readCodes(view.name)
      const next = await change(codes, etag === undefined)
      const result: Pick<WriteResult, 'outcome'> =
        next === codes ? { outcome: 'written' } : await this.#generations.writeCodes(view.name, next, etag)
      if (result.outcome === 'written') return
    }
    throw contended(view, 'codes')
  }

  #findOwn(view: AnyView): WriterCode {
    const known = this.#own.get(view.name)
    if (known) return known
    const own = { code: this.#compute(view), build: this.#build }
    this.#own.set(view.name, own)
    return own
  }
}
