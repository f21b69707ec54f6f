import type { Container } from '@azure/cosmos'
import { queryRows } from './rows.ts'

/** Whether somebody gave up an event for a view, which is then made without it. */
export type IsDiscarded = (view: string, stream: string, version: number) => boolean

interface Discard {
  readonly handler: string
  readonly stream: string
  readonly from: number
  readonly to: number
}

/** What a service keeps of that which its views cannot process. */
export class Parked {
  readonly #container: Container | undefined

  /** @param container undefined where there is none: then nothing waits. */
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

  /** Whether it is noted that a stream waits for a generation of a view. What is not will never be taken up again. */
  async knows(entry: string, stream: string): Promise<boolean> {
    if (this.#container === undefined) return false
    const parameters = [{ name: '@id', value: `stream|${entry}|${stream}` }]
    return (await queryRows(this.#container, { query: 'SELECT c.id FROM c WHERE c.id = @id', parameters })).length > 0
  }
}
