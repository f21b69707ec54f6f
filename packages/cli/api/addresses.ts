import { UsageError } from '../command-line/arguments.ts'
import { findAddress } from './service-address.ts'

/** Where services answer. */
export interface Addresses {
  /** Those that are asked where none is named. */
  readonly services: readonly string[]
  /** Whether the caller named the addresses: only to these are keys sent. */
  readonly given: boolean
  /** @throws UsageError, UnreachableError */
  of(service: string): Promise<string>
}

const NAMED = /^([a-z][a-z0-9-]*)=(.*)$/s
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/**
 * Reads `--url` values: `https://host` is the address of every service, `ordering=https://host` that of one.
 * Without any, services are looked for on this machine.
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
      if (address === undefined) throw new UsageError(`no --url is the address of ${service}`)
      return address
    },
  }
}

/** The address without a slash at its end. What is wrong with it is told without the address: it may hold a key. */
function checked(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new UsageError('--url is an address such as https://func-ordering.example.net, or ordering=https://…')
  if (url.username || url.password || url.search || url.hash)
    throw new UsageError(
      '--url takes no user, query or fragment: a key goes into TIDEMARK_FUNCTION_KEY or TIDEMARK_TOKEN',
    )
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}`
}

/** Whether what is sent to an address stays on this machine. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(new URL(address).hostname)
}
