import { randomBytes } from 'node:crypto'
import type { CryptographyClient, KeyClient, KeyClientOptions, KeyVaultKey } from '@azure/keyvault-keys'
import { LRUCache } from 'lru-cache'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { KeyWrap, KeyWrapConnection } from '../core/ports.ts'
import { openSealedKey, sealKey } from './sealed-key.ts'

// A symmetric key is encrypted with the public half of an RSA key. The vault keeps the private half.
// https://learn.microsoft.com/azure/key-vault/keys/about-keys-details
const ALGORITHM = 'RSA-OAEP-256'

/** The time for one request with all its attempts. */
const REQUEST_MS = 12_000
const retryOptions = { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 1_000 }

/** How long a key encryption key is used for new keys. A new version of the vault's key takes effect then. */
const USED_MS = 24 * 3_600_000

/** How long an unwrapped key encryption key is remembered. A disabled key or a lost right takes effect then. */
const REMEMBERED_MS = 3_600_000
const REMEMBERED = 1000

/** The reasons of a 403 that are about the key. All others are about the caller's rights or address. */
const UNUSABLE: ReadonlySet<string> = new Set(['KeyDisabled', 'KeyExpired', 'KeyNotYetValid'])

type VaultConnection = Extract<KeyWrapConnection, { vaultUri: string }>

/** Time and transport. Only tests set them. */
interface KeyVaultOptions {
  readonly now?: () => number
  readonly httpClient?: KeyClientOptions['httpClient']
}

/** A key encryption key as it is stored. */
interface StoredKek {
  /** The vault's key that wrapped it, with its version. */
  readonly by: string
  /** Base64. */
  readonly wrapped: string
}

/** Something that is used until a time. */
interface Lasting<Value> {
  readonly value: Promise<Value>
  readonly until: number
}

/**
 * Wraps keys of subjects with a key encryption key of this instance and day. The service's key in Azure Key
 * Vault wraps that one, and it is stored beside each key. So the vault is asked a few times an hour, and not for
 * each subject: it allows 100 requests a second, and bills each. The vault's key has the service's name.
 * https://learn.microsoft.com/azure/key-vault/general/service-limits. The SDK is loaded with the first request.
 */
export class KeyVaultWrap implements KeyWrap {
  readonly #connection: VaultConnection
  /** The address of the key, without a version. */
  readonly #keyUri: string
  readonly #name: string
  readonly #now: () => number
  readonly #options: KeyClientOptions
  /** One client for each version of the key; there are few. */
  readonly #clients = new Map<string, Promise<CryptographyClient>>()
  #reading: Promise<KeyClient> | undefined
  readonly #remembered = new LRUCache<string, Lasting<Uint8Array>>({ max: REMEMBERED })
  #newest: Lasting<StoredKek> | undefined

  constructor(connection: VaultConnection, service: string, { now = Date.now, httpClient }: KeyVaultOptions = {}) {
    this.#connection = connection
    this.#keyUri = new URL(`keys/${service}`, connection.vaultUri).href
    this.#name = service
    this.#now = now
    this.#options = { retryOptions, ...(httpClient ? { httpClient } : {}) }
  }

  async wrap(key: Uint8Array): Promise<string> {
    try {
      const { by, wrapped } = await this.#current()
      return `${by} ${wrapped} ${sealKey(key, await this.#open(by, wrapped), [by])}`
    } catch (error) {
      // The vault's key may have been rotated and disabled, so the next call begins anew.
      this.#newest = undefined
      throw error
    }
  }

  async unwrap(text: string): Promise<Uint8Array> {
    const [by = '', wrapped = '', sealed = ''] = text.split(' ')
    const kek = await this.#open(by, wrapped)
    try {
      return openSealedKey(sealed, kek, [by])
    } catch (error) {
      throw new TidemarkError('personal-unreadable', `a stored key does not unwrap: ${by} wrapped another one`, {
        cause: error,
      })
    }
  }

  /** The key encryption key for new keys. */
  #current(): Promise<StoredKek> {
    if (this.#newest === undefined || this.#now() >= this.#newest.until)
      this.#newest = { value: this.#create(), until: this.#now() + USED_MS }
    return this.#newest.value
  }

  async #create(): Promise<StoredKek> {
    const version = await this.#newestVersion()
    const kek = randomBytes(32)
    try {
      const client = await this.#client(version)
      const { result } = await client.wrapKey(ALGORITHM, kek, { abortSignal: AbortSignal.timeout(REQUEST_MS) })
      const wrapped = Buffer.from(result).toString('base64')
      this.#remembered.set(wrapped, { value: Promise.resolve(kek), until: this.#now() + REMEMBERED_MS })
      return { by: `${this.#keyUri}/${version}`, wrapped }
    } catch (error) {
      throw this.#error(error, 'wrap')
    }
  }

  /** Unwraps a key encryption key, unless it is remembered. Simultaneous calls share one request. */
  #open(by: string, wrapped: string): Promise<Uint8Array> {
    const known = this.#remembered.get(wrapped)
    if (known !== undefined && this.#now() < known.until) return known.value
    const value = this.#unwrapKek(by, wrapped)
    this.#remembered.set(wrapped, { value, until: this.#now() + REMEMBERED_MS })
    value.catch(() => this.#remembered.delete(wrapped))
    return value
  }

  async #unwrapKek(by: string, wrapped: string): Promise<Uint8Array> {
    const version = by.startsWith(`${this.#keyUri}/`) ? by.slice(this.#keyUri.length + 1) : ''
    // The address comes from the store. No request goes to one that only the store names.
    if (!/^\w+$/.test(version))
      throw new TidemarkError('personal-unreadable', `${by} wrapped a key, but only ${this.#keyUri} may have`)
    try {
      const client = await this.#client(version)
      const options = { abortSignal: AbortSignal.timeout(REQUEST_MS) }
      return (await client.unwrapKey(ALGORITHM, Buffer.from(wrapped, 'base64'), options)).result
    } catch (error) {
      throw this.#error(error, 'unwrap')
    }
  }

  /**
   * The newest version of the vault's key. The answer to a wrap does not tell it through this SDK, so it is asked
   * for first. The vault wraps with a disabled key, but would not unwrap, so that is checked too:
   * https://github.com/Azure/azure-sdk-for-python/issues/45342.
   */
  async #newestVersion(): Promise<string> {
    const { version = '', enabled = true, expiresOn } = (await this.#read()).properties
    if (!enabled) throw this.#unusable('is disabled: enable it, or create a new version')
    if (expiresOn !== undefined && expiresOn.getTime() <= this.#now())
      throw this.#unusable(`expired at ${expiresOn.toISOString()}: create a new version`)
    return version
  }

  async #read(): Promise<KeyVaultKey> {
    this.#reading ??= openVault(this.#connection, this.#options)
    try {
      return await (await this.#reading).getKey(this.#name, { abortSignal: AbortSignal.timeout(REQUEST_MS) })
    } catch (error) {
      throw this.#error(error, 'get')
    }
  }

  #client(version: string): Promise<CryptographyClient> {
    const known = this.#clients.get(version)
    if (known !== undefined) return known
    const opening = openKey(this.#connection, this.#options, { uri: `${this.#keyUri}/${version}`, name: this.#name })
    this.#clients.set(version, opening)
    return opening
  }

  #error(error: unknown, operation: 'get' | 'wrap' | 'unwrap'): TidemarkError {
    const { status = 0, reason } = readAnswer(error)
    const options = { cause: error }
    if (status === 401 || (status === 403 && !UNUSABLE.has(reason)))
      return new TidemarkError(
        'keys-refused',
        `${operation} with the key ${this.#keyUri} is refused (${reason}): give the service's identity its role on ` +
          'the key, or let its network reach the vault (docs/deploy.md, "Keys of personal data")',
        options,
      )
    if (status === 404) return this.#unusable('does not exist: recover it if it was deleted, or provision it', options)
    if (status === 400 && operation === 'unwrap')
      return new TidemarkError('personal-unreadable', `the key ${this.#keyUri} does not unwrap a stored key`, options)
    if (status >= 400 && status < 500 && status !== 408 && status !== 429)
      return this.#unusable(`does not ${operation} (${reason}): enable it, or create a new version`, options)
    const why = status === 0 ? describeError(error) : `${status} ${reason}`
    return new TidemarkError('unavailable', `the vault of ${this.#keyUri} did not ${operation}: ${why}`, options)
  }

  #unusable(why: string, options?: ErrorOptions): TidemarkError {
    return new TidemarkError('keys-disabled', `the key ${this.#keyUri} ${why}`, options)
  }
}

/**
 * The status and the most exact code of an error answer. Its text is left out, because it names the caller.
 * https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
 */
function readAnswer(error: unknown): { readonly status?: number | undefined; readonly reason: string } {
  const { statusCode, code, details } = (error ?? {}) as {
    readonly statusCode?: number
    readonly code?: string
    readonly details?: { readonly error?: { readonly code?: string; readonly innerError?: { readonly code?: string } } }
  }
  const reason = details?.error?.innerError?.code ?? details?.error?.code ?? code ?? 'no reason given'
  return { status: statusCode, reason }
}

async function openVault({ vaultUri, credential }: VaultConnection, options: KeyClientOptions): Promise<KeyClient> {
  const { KeyClient } = await import('@azure/keyvault-keys')
  return new KeyClient(vaultUri, credential, options)
}

/**
 * A client for one version of the key. It is given as a key, not as an address: for an address the SDK first
 * reads the key, and then refuses to unwrap with a version that has expired, which the vault allows.
 */
async function openKey(
  { vaultUri, credential }: VaultConnection,
  options: KeyClientOptions,
  { uri, name }: { readonly uri: string; readonly name: string },
): Promise<CryptographyClient> {
  const { CryptographyClient } = await import('@azure/keyvault-keys')
  return new CryptographyClient({ id: uri, name, properties: { vaultUrl: vaultUri, name } }, credential, options)
}
