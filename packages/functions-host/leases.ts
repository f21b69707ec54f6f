import type { Container } from '@azure/cosmos'
import { describe, logFailure } from './log.ts'

/** The lease of one feed range, in a container with the partition key /id. */
interface LeaseDocument {
  readonly id: string
  /** Null: the lease is free. */
  readonly owner: string | null
  /**
   * Duration of the lease after each write, in milliseconds. Absent if an earlier version wrote it.
   */
  readonly lasts?: number
  /** Where to continue reading; null: where the trigger's options say. */
  readonly continuation: string | null
  readonly _etag?: string
  /** Time of the write by the account's clock, in seconds since 1970, rounded down. */
  readonly _ts?: number
}

export interface LeaseOptions {
  readonly functionName: string
  readonly owner: string
  readonly expirationMs: number
  readonly renewMs: number
}

/**
 * The right to read one feed range until the lease expires. Writes use If-Match. `signal` is aborted when the
 * lease is lost; from then on its owner must not advance it. The account's clock decides whether it has
 * expired, because the clocks of two hosts may be hours apart.
 */
export class Lease {
  readonly #container: Container
  readonly #options: LeaseOptions
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout
  #document: LeaseDocument
  /** The lease is safely held until then, even if no write succeeds any more. Time of `performance.now()`. */
  #heldUntil: number
  // Renewals and advances run one after another: each needs the etag of the one before.
  #writes: Promise<void> = Promise.resolve()

  private constructor(container: Container, options: LeaseOptions, document: LeaseDocument, heldUntil: number) {
    this.#container = container
    this.#options = options
    this.#document = document
    this.#heldUntil = heldUntil
    this.#timer = setInterval(() => void this.#save({}), options.renewMs)
    this.#lost.signal.addEventListener('abort', () => clearInterval(this.#timer))
  }

  /** @returns undefined if another owner holds the lease. @throws any other error of the account. */
  static async acquire(container: Container, id: string, options: LeaseOptions): Promise<Lease | undefined> {
    const { found, age } = await readLease(container, id)
    if (found && found.owner !== null && found.owner !== options.owner && age <= (found.lasts ?? options.expirationMs))
      return undefined
    const document = {
      id,
      owner: options.owner,
      lasts: options.expirationMs,
      continuation: found?.continuation ?? null,
    }
    const heldUntil = performance.now() + options.expirationMs
    try {
      const { resource } = found
        ? await container.item(id, id).replace<LeaseDocument>(document, ifMatch(found))
        : await container.items.create<LeaseDocument>(document)
      return resource && new Lease(container, options, resource, heldUntil)
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

  /** Moves the continuation. If the write fails, the next write includes it. */
  async advance(continuation: string): Promise<void> {
    this.#document = { ...this.#document, continuation }
    await this.#save({})
  }

  /** Frees the lease, so that the next owner need not wait until it expires. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#save({ owner: null })
    this.#lost.abort()
  }

  async #save(change: Partial<LeaseDocument>): Promise<void> {
    this.#writes = this.#writes.then(() => this.#write(change))
    await this.#writes
  }

  async #write(change: Partial<LeaseDocument>): Promise<void> {
    if (this.#lost.signal.aborted) return
    const { id } = this.#document
    const document = { ...this.#document, ...change }
    const heldUntil = performance.now() + this.#options.expirationMs
    try {
      const { resource } = await this.#container.item(id, id).replace<LeaseDocument>(document, ifMatch(this.#document))
      if (resource) this.#document = { ...resource, continuation: this.#document.continuation }
      this.#heldUntil = heldUntil
    } catch (error) {
      if (isConflict(error) && !(await this.#isStillMine())) return this.#lost.abort()
      logFailure(this.#options.functionName, `the lease ${id} could not be written: ${describe(error)}`)
      if (performance.now() > this.#heldUntil) this.#lost.abort()
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

/** Reads a lease and its age: at least this many milliseconds, since `_ts` is in whole seconds. */
async function readLease(
  container: Container,
  id: string,
): Promise<{ readonly found?: LeaseDocument; readonly age: number }> {
  const query = {
    query: 'SELECT c AS found, GetCurrentTimestamp() AS now FROM c WHERE c.id = @id',
    parameters: [{ name: '@id', value: id }],
  }
  const { resources } = await container.items
    .query<{ readonly found: LeaseDocument; readonly now: number }>(query, { partitionKey: id })
    .fetchAll()
  const [read] = resources
  return read ? { found: read.found, age: read.now - ((read.found._ts ?? 0) + 1) * 1000 } : { age: 0 }
}

function ifMatch({ _etag = '' }: LeaseDocument): { accessCondition: { type: string; condition: string } } {
  return { accessCondition: { type: 'IfMatch', condition: _etag } }
}

/** Whether another writer was first: 409 on create, 412 on replace, 404 if the lease was removed. */
function isConflict(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 409 || code === 412 || code === 404
}
