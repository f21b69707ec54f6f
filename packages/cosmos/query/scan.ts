import { encodeKey, isTruncated } from '../store/index-key.ts'
import type { ReadSource } from '../store/snapshot.ts'
import { stepInto } from '../values/json.ts'
import { comparePositions } from './access/position.ts'
import { buildStatements, type ReadPlan } from './access/statements.ts'

export interface ScannedItem {
  readonly number: number
  readonly pk: string
  readonly id: string
  readonly text: string
  readonly value: unknown
  /** Its values for the order of rows. */
  readonly order: readonly unknown[]
}

const NOT_READ = {}

/** Reads the items of a plan one by one, and counts them. */
export class Scan {
  readonly #reads: ReadSource
  readonly #plan: ReadPlan
  loaded = 0
  loadedBytes = 0

  constructor(reads: ReadSource, plan: ReadPlan) {
    this.#reads = reads
    this.#plan = plan
  }

  *items(): Generator<ScannedItem> {
    const { index, order } = this.#plan
    if (index && order.length > 0) yield* this.#inFullOrder()
    else yield* this.#read()
  }

  *#read(): Generator<ScannedItem> {
    const { order, readsItem } = this.#plan
    const parses = readsItem || order.length > 0
    for (const { text, values } of buildStatements(this.#plan))
      for (const row of this.#reads.prepare(text).iterate(...values)) {
        const body = String(row.body)
        this.loaded += 1
        this.loadedBytes += body.length
        const value: unknown = parses ? JSON.parse(body) : NOT_READ
        yield {
          number: Number(row.number),
          pk: String(row.pk),
          id: String(row.id),
          text: body,
          value,
          order: order.map(({ path }) => path.reduce<unknown>(stepInto, value)),
        }
      }
  }

  /** The index orders texts up to some length. This sorts the items that it does not tell apart. */
  *#inFullOrder(): Generator<ScannedItem> {
    const { order } = this.#plan
    let run: ScannedItem[] = []
    let runKey: Buffer | undefined
    const sorted = (): ScannedItem[] =>
      run.sort((a, b) => comparePositions(order, { ...a, place: undefined }, { ...b, place: undefined }))
    for (const item of this.#read()) {
      const key = item.order.some(isTruncated) ? encodeKey(item.order) : undefined
      if (run.length > 0 && !(key && runKey?.equals(key))) {
        yield* sorted()
        run = []
      }
      runKey = key
      if (key) run.push(item)
      else yield item
    }
    yield* sorted()
  }
}
