import type { CryptographyClient, KeyClient, KeyClientOptions, KeyVaultKey } from '@azure/keyvault-keys'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { KeyWrap, KeyWrapConnection } from '../core/ports.ts'

// A symmetric key is encrypted with the public half of an RSA key. The vault keeps the private half.
// https://learn.microsoft.com/azure/key-vault/keys/about-keys-details
const ALGORITHM = 'RSA-OAEP-256'

/** The time for one request with all its attempts. */
const REQUEST_MS = 12_000
const retryOptions = { maxRetries: 2, retryDelayInMs: 200, maxRetryDelayInMs: 1_000 }

/** How long the newest version of the key is remembered. A rotation takes effect after this time. */
const NEWEST_MS = 3_600_000

/** The reasons of a 403 that are about the key. All others are about the caller's rights or address. */
const UNUSABLE: ReadonlySet<string> = new Set(['KeyDisabled', 'KeyExpired', 'KeyNotYetValid'])

type VaultConnection = Extract<KeyWrapConnection, { vaultUri: string }>

/** Time and transport. Only tests set them. */
interface KeyVaultOptions {
  readonly now?: () => number
  readonly httpClient?: KeyClientOptions['httpClient']
}

/**
 * Wraps keys with the key of a service in Azure Key Vault; the key has the service's name. The SDK is loaded
 * with the first request.
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
  #newest: { readonly version: string; readonly until: number } | undefined

  constructor(connection: VaultConnection, service: string, { now = Date.now, httpClient }: KeyVaultOptions = {}) {
    this.#connection = connection
    this.#keyUri = new URL(`keys/${service}`, connection.vaultUri).href
    this.#name = service
    this.#now = now
    this.#options = { retryOptions, ...(httpClient ? { httpClient } : {}) }
  }

  async wrap(key: Uint8Array): Promise<string> {
    const version = await this.#newestVersion()
    try {
      const client = await this.#client(version)
      const { result } = await client.wrapKey(ALGORITHM, key, { abortSignal: AbortSignal.timeout(REQUEST_MS) })
      return `${this.#keyUri}/${version} ${Buffer.from(result).toString('base64')}`
    } catch (error) {
      // It may have been rotated and disabled, so the next call asks for the newest version again.
      this.#newest = undefined
      throw this.#error(error, 'wrap')
    }
  }

  async unwrap(wrapped: string): Promise<Uint8Array> {
    const [by = '', text = ''] = wrapped.split(' ')
    const version = by.startsWith(`${this.#keyUri}/`) ? by.slice(this.#keyUri.length + 1) : ''
    // The address comes from the store. No request goes to one that only the store names.
    if (!/^\w+$/.test(version))
      throw new TidemarkError('personal-unreadable', `${by} wrapped a key, but only ${this.#keyUri} may have`)
    try {
      const client = await this.#client(version)
      const options = { abortSignal: AbortSignal.timeout(REQUEST_MS) }
      return (await client.unwrapKey(ALGORITHM, Buffer.from(text, 'base64'), options)).result
    } catch (error) {
      throw this.#error(error, 'unwrap')
    }
  }

  /**
   * The newest version, which new keys are wrapped with. The answer to a wrap does not tell the version through
   * this SDK, so it is asked for first. The vault wraps with a disabled key, but would not unwrap, so both are
   * checked: https://github.com/Azure/azure-sdk-for-python/issues/45342.
   */
  async #newestVersion(): Promise<string> {
    if (this.#newest !== undefined && this.#now() < this.#newest.until) return this.#newest.version
    const { properties } = await this.#read()
    const { version = '', enabled = true, expiresOn } = properties
    if (!enabled) throw this.#unusable('is disabled: enable it, or create a new version')
    if (expiresOn !== undefined && expiresOn.getTime() <= this.#now())
      throw this.#unusable(`expired at ${expiresOn.toISOString()}: create a new version`)
    this.#newest = { version, until: this.#now() + NEWEST_MS }
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
