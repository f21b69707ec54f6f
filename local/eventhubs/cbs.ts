import type { Message } from 'rhea'
import { unauthorized } from './conditions.ts'
import { type Reply, refused } from './request-node.ts'
import { covers, entityPath, type Grant, type SharedAccessKey, verifySasToken } from './sas-token.ts'

/** Entities a client may hold tokens for at once; the one that expires first makes room. */
const MAX_GRANTS = 1000

/** What one connection may do: the tokens put on its `$cbs` node, or everything after SASL PLAIN with the key. */
export class Claims {
  readonly #key: SharedAccessKey
  readonly #grants = new Map<string, Grant>()
  #all = false

  constructor(key: SharedAccessKey) {
    this.#key = key
  }

  /** SASL PLAIN: user = key name, password = key. */
  authenticate(user: string, password: string): boolean {
    this.#all = user === this.#key.name && password === this.#key.value
    return this.#all
  }

  /** @throws Refusal amqp:unauthorized-access */
  check(path: string): void {
    if (this.#all) return
    const now = Date.now()
    for (const grant of this.#grants.values()) if (grant.expires > now && covers(grant, path.toLowerCase())) return
    throw unauthorized(`Unauthorized access. 'Listen' or 'Send' claim is required on '${path}'.`)
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
      if (this.#grants.size > MAX_GRANTS) this.#forgetOne()
      return { status: 202, description: 'Accepted' }
    } catch (error) {
      return refused(error)
    }
  }

  #forgetOne(): void {
    let first: Grant | undefined
    for (const grant of this.#grants.values()) if (!first || grant.expires < first.expires) first = grant
    if (first) this.#grants.delete(first.path)
  }
}
