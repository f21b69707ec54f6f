import type { Container } from '@azure/cosmos'
import { describe, logFailure } from './log.ts'

/** One feed range's lease, in a container with the partition key /id. */
interface LeaseDocument {
  readonly id: string
  /** null: free. */
  readonly owner: string | null
  /** Milliseconds since the epoch, by the owner's clock. */
  readonly expires: number
  /** Where to go on; null: where the trigger's options say. */
  readonly continuation: string | null
  readonly _etag?: string
}

export interface LeaseOptions {
  readonly functionName: string
  readonly owner: string
  readonly expirationMs: number
  readonly renewMs: number
}

/**
 * The right to read one feed range, held under If-Match until it expires. `signal` is aborted when it is lost: from then on nothing may
 * be said of the feed.
 */
export class Lease {
  readonly #container: Container
  readonly #options: LeaseOptions
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #document: LeaseDocument
  // Renewals and moves go one after another: each carries the etag of the one before.
  #writes: Promise<void> = Promise.resolve()

  private constructor(container: Container, options: LeaseOptions, document: LeaseDocument) {
    this.#container = container
    this.#options = options
    this.#document = document
    this.#timer = setInterval(() => void this.#save({}), options.renewMs)
    this.#lost.signal.addEventListener('abort', () => clearInterval(this.#timer))
  }

  /** @returns undefined when another owner holds it. @throws what the endpoint answers besides. */
  static async acquire(container: Container, id: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { resource: found } = await container.item(id, id).read<LeaseDocument>()
    if (found && found.owner !== null && found.owner !== options.owner && found.expires > Date.now()) return undefined
    const document = {
      id,
      owner: options.owner,
      expires: Date.now() + options.expirationMs,
      continuation: found?.continuation ?? null,
    }
    try {
      const { resource } = found
        ? await container.item(id, id).replace<LeaseDocument>(document, ifMatch(found))
        : await container.items.create<LeaseDocument>(document)
      return resource && new Lease(container, options, resource)
    } catch (error) {
      if (isConflict(error)) return undefined
      throw error
    }
  }

  get continuation(): string | null {
    return this.#document.continuation
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Moves it on. When that cannot be written now, the next move says it too. */
  async advance(continuation: string): Promise<void> {
    this.#document = { ...this.#document, continuation }
    await this.#save({})
  }

  /** Frees it where it stands in the container, so that the next owner need not wait until it expires. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#save({ owner: null, expires: 0 })
    this.#lost.abort()
  }

  async #save(change: Partial<LeaseDocument>): Promise<void> {
    this.#writes = this.#writes.then(() => this.#write(change))
    await this.#writes
  }

  async #write(change: Partial<LeaseDocument>): Promise<void> {
    if (this.#lost.signal.aborted) return
    const { id } = this.#document
    const document = { ...this.#document, expires: Date.now() + this.#options.expirationMs, ...change }
    try {
      const { resource } = await this.#container.item(id, id).replace<LeaseDocument>(document, ifMatch(this.#document))
      if (resource) this.#document = { ...resource, continuation: this.#document.continuation }
    } catch (error) {
      if (isConflict(error) && !(await this.#isStillMine())) return this.#lost.abort()
      logFailure(this.#options.functionName, `the lease ${id} could not be written: ${describe(error)}`)
      if (Date.now() > this.#document.expires) this.#lost.abort()
    }
  }

  /** A write whose answer was lost has changed the etag, not the owner. */
  async #isStillMine(): Promise<boolean> {
    const { id, continuation } = this.#document
    const { resource } = await this.#container
      .item(id, id)
      .read<LeaseDocument>()
      .catch(() => ({ resource: undefined }))
    if (resource?.owner !== this.#options.owner) return false
    this.#document = { ...resource, continuation }
    return true
  }
}

function ifMatch({ _etag = '' }: LeaseDocument): { accessCondition: { type: string; condition: string } } {
  return { accessCondition: { type: 'IfMatch', condition: _etag } }
}

/** Someone else was first: 409 creating, 412 replacing, 404 where the lease was taken away. */
function isConflict(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 409 || code === 412 || code === 404
}
