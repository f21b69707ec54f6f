import assert from 'node:assert/strict'
import { constants, generateKeyPairSync, type KeyObject, privateDecrypt, publicEncrypt, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { KeyClientOptions } from '@azure/keyvault-keys'

type HttpClient = NonNullable<KeyClientOptions['httpClient']>
type Right = 'get' | 'wrapkey' | 'unwrapkey'

interface Version {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
  enabled: boolean
  /** Seconds since 1970. */
  exp?: number
}

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47'
const RESOURCE = 'https://vault.azure.net'
const API_VERSIONS: ReadonlySet<string | null> = new Set(['7.4', '7.5', '7.6', '2025-07-01'])

/** The name of the vault. */
export const VAULT_HOST = 'kv-test.vault.azure.net'

class Refusal extends Error {
  readonly status: number
  readonly body: object
  constructor(status: number, code: string, inner?: string) {
    super(code)
    this.status = status
    this.body = { error: { code, message: `${code} 1c7f caller`, ...(inner ? { innererror: { code: inner } } : {}) } }
  }
}

/**
 * A stand-in for a key vault, because Azure has no emulator. It follows the documentation of get, wrapKey and
 * unwrapKey, and refuses what these do not allow:
 * https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key/wrap-key,
 * https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses and
 * https://learn.microsoft.com/azure/key-vault/keys/about-keys-details.
 */
export class VaultStandIn {
  /** The address that the vault would have in Azure. */
  readonly uri = `https://${VAULT_HOST}/`
  /** The requests with a token: operation and version. */
  readonly requests: string[] = []
  readonly scopes = new Set<string>()
  readonly rights = new Set<Right>(['get', 'wrapkey', 'unwrapkey'])
  /** Codes of refusals for the next requests, first come first; the last one stays. */
  failures: readonly (readonly [status: number, code: string])[] = []
  readonly #keys = new Map<string, Map<string, Version>>()
  readonly #tokens = new Set<string>()
  readonly #server: Server
  readonly #port: number

  private constructor(server: Server) {
    this.#server = server
    this.#port = (server.address() as AddressInfo).port
    server.on('request', async (request: IncomingMessage, response) => {
      const answer = await this.#answer(request).catch((error: unknown) => error)
      const { status, body } =
        answer instanceof Refusal
          ? answer
          : answer instanceof Error
            ? { status: 500, body: {} }
            : { status: 200, body: answer }
      const challenge = `Bearer authorization="https://login.microsoftonline.com/${TENANT}", resource="${RESOURCE}"`
      response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        ...(status === 401 ? { 'www-authenticate': challenge } : {}),
      })
      response.end(JSON.stringify(body))
    })
  }

  /** @param tls its certificate, if it speaks HTTPS. */
  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<VaultStandIn> {
    const server = tls ? createTlsServer(tls) : createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new VaultStandIn(server)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }

  /** Creates a key, or a new version of one. @returns the version */
  rotate(name: string): string {
    const versions = this.#keys.get(name) ?? new Map<string, Version>()
    const version = randomBytes(16).toString('hex')
    this.#keys.set(
      name,
      versions.set(version, { ...generateKeyPairSync('rsa', { modulusLength: 2048 }), enabled: true }),
    )
    return version
  }

  change(name: string, version: string, change: Partial<Pick<Version, 'enabled' | 'exp'>>): void {
    Object.assign(this.#keys.get(name)?.get(version) ?? assert.fail(`there is no ${name}/${version}`), change)
  }

  delete(name: string): void {
    this.#keys.delete(name)
  }

  get port(): number {
    return this.#port
  }

  /** Returns a token that the vault accepts. */
  issueToken(): string {
    const token = randomBytes(8).toString('hex')
    this.#tokens.add(token)
    return token
  }

  /** Gives tokens for the vault and for nothing else. */
  readonly credential = {
    getToken: async (scopes: string | string[], options?: object) => {
      const [scope = ''] = [scopes].flat()
      this.scopes.add(scope)
      assert.equal((options as { tenantId?: string }).tenantId, TENANT)
      return { token: this.issueToken(), expiresOnTimestamp: Date.now() + 3_600_000 }
    },
  }

  /** Sends requests for the vault's address to this server, and none anywhere else. */
  readonly httpClient: HttpClient = {
    sendRequest: async (request) => {
      const { origin, pathname, search } = new URL(request.url)
      assert.equal(`${origin}/`, this.uri)
      const { createHttpHeaders, RestError } = await import('@azure/core-rest-pipeline')
      const response = await fetch(`http://127.0.0.1:${this.#port}${pathname}${search}`, {
        method: request.method,
        headers: request.headers.toJSON(),
        ...(typeof request.body === 'string' ? { body: request.body } : {}),
        signal: request.abortSignal ? (request.abortSignal as AbortSignal) : null,
      }).catch((error: Error) => {
        if (error.name === 'TypeError') throw new RestError('connect ECONNREFUSED', { code: 'ECONNREFUSED', request })
        throw error
      })
      const headers = createHttpHeaders(Object.fromEntries(response.headers))
      return { request, status: response.status, headers, bodyAsText: await response.text() }
    },
  }

  async #answer(request: IncomingMessage): Promise<object> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://vault')
    const [, collection, name = '', given = '', operation = 'get'] = pathname.split('/')
    if (!API_VERSIONS.has(searchParams.get('api-version'))) throw new Refusal(400, 'BadParameter')
    const [, token = ''] = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '') ?? []
    if (!this.#tokens.has(token)) throw new Refusal(401, 'Unauthorized')
    this.requests.push(`${operation} ${name}/${given}`)
    const [failure] = this.failures
    if (failure) {
      if (this.failures.length > 1) this.failures = this.failures.slice(1)
      if (failure[0] !== 200) throw new Refusal(...failure)
    }
    if (collection !== 'keys' || !isOperation(operation)) throw new Refusal(404, 'NotFound')
    if (request.method !== (operation === 'get' ? 'GET' : 'POST')) throw new Refusal(405, 'MethodNotAllowed')
    if (!this.rights.has(operation)) throw new Refusal(403, 'Forbidden', 'ForbiddenByRbac')
    const versions = this.#keys.get(name)
    const version = given || [...(versions?.keys() ?? [])].at(-1) || ''
    const key = versions?.get(version)
    if (!key) throw new Refusal(404, 'KeyNotFound')
    const kid = `${this.uri}keys/${name}/${version}`
    if (operation === 'get') return { key: { ...jwk(key.publicKey), kid }, attributes: attributes(key) }
    if (!/^application\/json/.test(request.headers['content-type'] ?? '')) throw new Refusal(415, 'BadParameter')
    return { kid, value: compute(operation, key, await json(request)) }
  }
}

const isOperation = (text: string): text is Right => ['get', 'wrapkey', 'unwrapkey'].includes(text)

const jwk = (key: KeyObject) => ({ ...key.export({ format: 'jwk' }), key_ops: ['wrapKey', 'unwrapKey'] })

const attributes = ({ enabled, exp }: Version) => ({
  ...{ enabled, created: 1_760_000_000, updated: 1_760_000_000, recoveryLevel: 'Recoverable' },
  ...(exp === undefined ? {} : { exp }),
})

function compute(operation: 'wrapkey' | 'unwrapkey', { publicKey, privateKey, enabled, exp }: Version, body: unknown) {
  const { alg, value } = Object(body)
  if (alg !== 'RSA-OAEP-256' || typeof value !== 'string' || !/^[\w-]+$/.test(value))
    throw new Refusal(400, 'BadParameter')
  const scheme = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
  if (operation === 'wrapkey') {
    // Outside its dates a key still unwraps, but does not wrap. While it is disabled, it is the other way round.
    if (exp !== undefined && exp * 1000 <= Date.now()) throw new Refusal(403, 'Forbidden', 'KeyExpired')
    return publicEncrypt({ key: publicKey, ...scheme }, Buffer.from(value, 'base64url')).toString('base64url')
  }
  if (!enabled) throw new Refusal(403, 'Forbidden', 'KeyDisabled')
  try {
    return privateDecrypt({ key: privateKey, ...scheme }, Buffer.from(value, 'base64url')).toString('base64url')
  } catch {
    throw new Refusal(400, 'BadParameter')
  }
}
