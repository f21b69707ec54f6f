import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import { formatKeyId, type PersonalKey, parseKeyId, subjectId } from '../core/personal.ts'
import type { Forgotten, KeyItem, KeyStorage, PersonalKeys, SubjectKey } from '../core/ports.ts'

/** How often a write is tried again after another writer was faster, or its outcome is unknown. */
const MAX_ATTEMPTS = 5

/**
 * The keys of a service's subjects, each wrapped, one item a subject. A destroyed key leaves a tombstone, so a
 * missing item never counts as forgotten: the container was lost, or restored to an earlier point.
 */
export class StoredKeys implements PersonalKeys {
  readonly #storage: KeyStorage
  readonly #randomKey: () => Uint8Array

  /** @param randomKey returns 32 random bytes. */
  constructor(storage: KeyStorage, randomKey: () => Uint8Array) {
    this.#storage = storage
    this.#randomKey = randomKey
  }

  async find(keyId: string): Promise<Uint8Array | undefined> {
    const { subject, generation } = parseKeyId(keyId)
    const { item } = (await this.#storage.items.read(subject)) ?? {}
    if (item === undefined || item.generation < generation)
      throw new TidemarkError(
        'personal-unreadable',
        `the container keys has no key ${keyId}: restore it from a backup that has it`,
      )
    if (item.generation > generation || item.wrapped === undefined) return undefined
    return this.#unwrap(item.wrapped, keyId)
  }

  async findOrCreate(subject: string, onDestroyed?: (keyId: string) => void): Promise<PersonalKey> {
    const id = subjectId(subject)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { item, etag } = (await this.#storage.items.read(id)) ?? {}
      if (item?.wrapped !== undefined) {
        const keyId = formatKeyId(id, item.generation)
        return { id: keyId, bytes: await this.#unwrap(item.wrapped, keyId) }
      }
      if (item !== undefined) onDestroyed?.(formatKeyId(id, item.generation))
      const bytes = this.#randomKey()
      const generation = (item?.generation ?? 0) + 1
      const wrapped = await this.#storage.wrap.wrap(bytes)
      if (await this.#write({ id, generation, wrapped }, etag)) return { id: formatKeyId(id, generation), bytes }
    }
    throw contended(id)
  }

  async look(subject: string): Promise<SubjectKey | undefined> {
    const { item } = (await this.#storage.items.read(subjectId(subject))) ?? {}
    return item && describe(item)
  }

  async destroy(subject: string, why: Forgotten): Promise<Required<SubjectKey> | undefined> {
    const id = subjectId(subject)
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { item, etag } = (await this.#storage.items.read(id)) ?? {}
      if (item === undefined) return undefined
      const { generation, forgotten } = item
      if (forgotten) return { keyId: formatKeyId(id, generation), forgotten }
      const tombstone = { id, generation, forgotten: why }
      if (await this.#write(tombstone, etag)) return { keyId: formatKeyId(id, generation), forgotten: why }
    }
    throw contended(id)
  }

  /** Whether the item was written. If that is unknown, the next read shows it. */
  async #write(item: KeyItem, etag: string | undefined): Promise<boolean> {
    try {
      return (await this.#storage.items.write(item, etag)).outcome === 'written'
    } catch (error) {
      if (isTidemarkError(error, 'outcome-unknown')) return false
      throw error
    }
  }

  async #unwrap(wrapped: string, keyId: string): Promise<Uint8Array> {
    const bytes = await this.#storage.wrap.unwrap(wrapped)
    if (bytes.length === KEY_BYTES) return bytes
    throw new TidemarkError('personal-unreadable', `the key ${keyId} has ${bytes.length} bytes, not ${KEY_BYTES}`)
  }
}

/** AES-256. */
const KEY_BYTES = 32

function describe({ id, generation, forgotten }: KeyItem): SubjectKey {
  return { keyId: formatKeyId(id, generation), ...(forgotten ? { forgotten } : {}) }
}

function contended(id: string): TidemarkError {
  return new TidemarkError('unavailable', `too many writers change the key of the subject ${id} at once`)
}
