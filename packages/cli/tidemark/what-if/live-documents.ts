import { RefusedError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'

/** A document that queries return now. */
export interface LiveDocument {
  readonly key: string
  readonly document: unknown
}

/** The documents of a view that queries return now. */
export class LiveDocuments {
  readonly #api: ServiceApi
  readonly #path: string

  constructor(api: ServiceApi, view: string) {
    this.#api = api
    this.#path = `views/${view}`
  }

  /** Every document. Nothing if the running build does not have the view. */
  async *all(): AsyncGenerator<LiveDocument> {
    try {
      yield* this.#api.items<LiveDocument>(`${this.#path}/documents`, { limit: 100 })
    } catch (error) {
      if (!isUnknown(error)) throw error
    }
  }

  /** @param generation another than the live one. */
  async read(key: string, generation?: number): Promise<unknown> {
    try {
      const { items } = await this.#api.page<LiveDocument>(`${this.#path}/documents`, {
        key,
        ...(generation === undefined ? {} : { generation }),
      })
      return items[0]?.document
    } catch (error) {
      if (isUnknown(error)) return undefined
      throw error
    }
  }

  /** The positions and types of the events that the running build maps to a document. */
  async events(key: string): Promise<readonly string[]> {
    const found: string[] = []
    const query = { key, limit: 100 }
    for await (const event of this.#api.items<{ stream: string; version: number; type: string }>(
      `${this.#path}/events`,
      query,
    ))
      found.push(`${event.stream}@${event.version} ${event.type}`)
    return found
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof RefusedError && error.code === 'view-not-found'
}
