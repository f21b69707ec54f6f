import type { Container } from '@azure/cosmos'
import { queryRows } from './rows.ts'
import { toId } from './source.ts'

/** Whether an event was discarded for a view, which is then projected without it. */
export type IsDiscarded = (view: string, stream: string, version: number) => boolean

interface Discard {
  readonly handler: string
  readonly stream: string
  readonly from: number
  readonly to: number
}

/** The dead-letter store of a service's views. */
export class Parked {
  readonly #container: Container | undefined

  /** @param container undefined if there is none: then nothing is parked. */
  constructor(container: Container | undefined) {
    this.#container = container
  }

  async readDiscards(): Promise<IsDiscarded> {
    if (this.#container === undefined) return () => false
    const all = await queryRows<Discard>(this.#container, 'SELECT VALUE c["value"] FROM c WHERE c.kind = \'discard\'')
    const discards = Map.groupBy(all, ({ handler, stream }) => `${handler} ${stream}`)
    return (view, stream, version) =>
      discards.get(`${view} ${stream}`)?.some(({ from, to }) => from <= version && version <= to) ?? false
  }

  /** Whether a stream is recorded as parked for a generation of a view. Otherwise it would never be redriven. */
  async knows(entry: string, stream: string): Promise<boolean> {
    if (this.#container === undefined) return false
    const parameters = [{ name: '@id', value: `stream|${entry}|${toId(stream)}` }]
    return (await queryRows(this.#container, { query: 'SELECT c.id FROM c WHERE c.id = @id', parameters })).length > 0
  }
}
