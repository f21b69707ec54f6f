import { UsageError } from '../command-line/arguments.ts'
import { findAddress } from './service-address.ts'

export interface Addresses {
  /** The services to ask if the caller names none. */
  readonly services: readonly string[]
  /** Whether the caller gave the addresses. Keys are sent only to these. */
  readonly given: boolean
  /** @throws UsageError, UnreachableError */
  of(service: string): Promise<string>
}

const NAMED = /^([a-z][a-z0-9-]*)=(.*)$/s
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Reads `--url` values: `https://host` is the address of every service, `ordering=https://host` that of one.
 * Without any, looks for the services on this machine.
 * @param known the services of this repository.
 */
export function readAddresses(urls: readonly string[], known: readonly string[]): Addresses {
  if (urls.length === 0) return { services: known, given: false, of: findAddress }
  let general: string | undefined
  const named = new Map<string, string>()
  for (const url of urls) {
    const [, service, address] = NAMED.exec(url) ?? []
    if (service === undefined || address === undefined) {
      if (general !== undefined)
        throw new UsageError('--url: name the service of each address: --url ordering=https://…')
      general = checked(url)
    } else if (!known.includes(service)) {
      throw new UsageError(`--url: there is no service ${service}; there are ${known.join(', ')}`)
    } else if (named.has(service)) {
      throw new UsageError(`--url: ${service} has two addresses`)
    } else named.set(service, checked(address))
  }
  return {
    services: general === undefined ? known.filter((service) => named.has(service)) : known,
    given: true,
    async of(service) {
      const address = named.get(service) ?? general
      if (address === undefined) throw new UsageError(`no --url gives the address of ${service}`)
      return address
    },
  }
}

/** Checks an address and removes a slash at its end. Errors do not show it, because it may contain a key. */
function checked(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url must be an address such as https://func-ordering.example.net, or ordering=https://…')
  if (url.username || url.password || url.search || url.hash)
    throw new UsageError(
      '--url takes no user, query or fragment: put a key into TIDEMARK_FUNCTION_KEY or TIDEMARK_TOKEN',
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}`
}

/** Whether requests to an address stay on this machine. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(new URL(address).hostname)
}
