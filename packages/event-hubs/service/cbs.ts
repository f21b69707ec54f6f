import type { Message } from 'rhea'
import { unauthorized } from '../api/conditions.ts'
import { covers, entityPath, type Grant, type SharedAccessKey, verifySasToken } from '../namespace/sas-token.ts'
import { type Reply, toErrorReply } from './request-node.ts'

/** Entities a client may hold tokens for at once; the one that expires first makes room. */
const MAX_GRANTS = 1000
/** Timers hold no more than 31 bits of milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** What one connection may do: the tokens put on its `$cbs` node, or everything after SASL PLAIN with the key. */
export class Claims {
  readonly #key: SharedAccessKey
  readonly #onExpired: () => void
  readonly #grants = new Map<string, Grant>()
  #timer: NodeJS.Timeout | undefined
  #all = false

  /** @param onExpired called after a token has expired: what it had opened may be open no longer. */
  constructor(key: SharedAccessKey, onExpired: () => void) {
    this.#key = key
    this.#onExpired = onExpired
  }

  /** SASL PLAIN: user = key name, password = key. */
  authenticate(user: string, password: string): boolean {
    this.#all = user === this.#key.name && password === this.#key.value
    return this.#all
  }

  /** Whether an entity may be used now. */
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

  /** Forgets every token. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#grants.clear()
  }

  /**
   * As `check`, for a request that may bring its own token: the .NET SDK puts none for `$management`.
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
