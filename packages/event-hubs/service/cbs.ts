import type { Message } from 'rhea'
import { unauthorized } from '../api/conditions.ts'
import { covers, entityPath, type Grant, type SharedAccessKey, verifySasToken } from '../namespace/sas-token.ts'
import { type Reply, toErrorReply } from './request-node.ts'

/** Most entities for which a client can hold tokens. Above it, the token that expires first is dropped. */
const MAX_GRANTS = 1000
/** Longest timer of Node: 31 bits of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The rights of one connection: from tokens sent to its `$cbs` node, or all rights after SASL PLAIN with the key. */
export class Claims {
  readonly #key: SharedAccessKey
  readonly #onExpired: () => void
  readonly #grants = new Map<string, Grant>()
  #timer: NodeJS.Timeout | undefined
  #all = false

  /** @param onExpired called after a token has expired, so that links which it allowed can be detached. */
  constructor(key: SharedAccessKey, onExpired: () => void) {
    this.#key = key
    this.#onExpired = onExpired
  }

  /** Checks SASL PLAIN: the user is the key's name, the password its value. */
  authenticate(user: string, password: string): boolean {
    this.#all = user === this.#key.name && password === this.#key.value
    return this.#all
  }

  /** Whether the connection may use an entity now. */
  allows(path: string): boolean {
    if (this.#all) return true
    const now = Date.now()
    const entity = entityPath(path)
    return [...this.#grants.values()].some((grant) => grant.expires > now && covers(grant, entity))
  }

  /** @throws Refusal amqp:unauthorized-access */
  check(path: string): void {
    if (this.allows(path)) return
    throw unauthorized(`Unauthorized access. 'Listen' or 'Send' claim is required on '${path}'.`)
  }

  /** Drops every token. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#grants.clear()
  }

  /**
   * As `check`, for a request that may carry its own token: the .NET SDK sends no token for `$management` to
   * `$cbs`.
   * @throws Refusal
   */
  checkRequest(path: string, token: unknown): void {
    if (this.allows(path)) return
    if (typeof token !== 'string' || !covers(verifySasToken(token, this.#key, Date.now()), entityPath(path)))
      this.check(path)
  }

  /** Answers a put-token request. https://learn.microsoft.com/azure/event-hubs/event-hubs-amqp-protocol */
  putToken(request: Message): Reply {
    try {
      const { operation, name, type } = request.application_properties ?? {}
      if (operation !== 'put-token') return { status: 400, description: `The operation '${operation}' is unknown.` }
      if (type !== 'servicebus.windows.net:sastoken') throw unauthorized(`Tokens of type '${type}' are not supported.`)
      const path = entityPath(String(name))
      const grant = verifySasToken(String(request.body), this.#key, Date.now())
      if (!covers(grant, path)) throw unauthorized(`The token does not cover '${name}'.`)
      this.#grants.set(path, { path, expires: grant.expires })
      if (this.#grants.size > MAX_GRANTS) this.#expire(this.#firstToExpire()?.path ?? '')
      this.#watch()
      return { status: 202, description: 'Accepted' }
    } catch (error) {
      return toErrorReply(error)
    }
  }

  #firstToExpire(): Grant | undefined {
    let first: Grant | undefined
    for (const grant of this.#grants.values()) if (!first || grant.expires < first.expires) first = grant
    return first
  }

  #expire(path: string): void {
    this.#grants.delete(path)
    this.#onExpired()
  }

  #watch(): void {
    clearTimeout(this.#timer)
    const first = this.#firstToExpire()
    if (!first) return
    this.#timer = setTimeout(
      () => {
        if (first.expires <= Date.now()) this.#expire(first.path)
        this.#watch()
      },
      Math.min(MAX_TIMER_MS, Math.max(0, first.expires - Date.now())),
    )
  }
}
