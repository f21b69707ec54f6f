import { portSetting } from '../../kit/settings.ts'
import { UsageError } from '../command-line/arguments.ts'
import { services } from '../project/config.ts'
import { localHeaders } from '../project/local-settings.ts'
import { UnreachableError } from './errors.ts'

const FIRST_PORT = 7071
const GIVE_UP_AFTER_MS = 30_000

/** The port of a host whose first service this is. Each service has its own, so hosts do not conflict. */
export function findHttpPort(service: string): number {
  return portSetting('TIDEMARK_HTTP_PORT', FIRST_PORT + findIndex(service))
}

/**
 * Finds the address of a service, such as `http://127.0.0.1:7071`. Tries TIDEMARK_HTTP_PORT if it is set.
 * Otherwise tries the first port (one host may run every service), the service's own port, and the ports of
 * the other services (it may share a host).
 * @throws UnreachableError if it answers at none.
 */
export function findAddress(service: string): Promise<string> {
  return findAnswering(service, listPorts(service))
}

/** The first of these ports where the service answers. @throws UnreachableError if it answers at none. */
export async function findAnswering(service: string, ports: readonly number[]): Promise<string> {
  const silent: number[] = []
  const others: string[] = []
  for (const port of ports) {
    const address = `http://127.0.0.1:${port}`
    const answer = await probe(address, service)
    if (answer === 'the service') return address
    if (answer === 'nobody') silent.push(port)
    else others.push(`port ${port} ${answer}`)
  }
  if (others.length > 0) throw new UnreachableError(others.join(', '))
  throw new UnreachableError(
    `nothing answers at port ${silent.toSorted((a, b) => a - b).join(' or ')}: run npm start in another terminal first`,
  )
}

function listPorts(service: string): readonly number[] {
  if (process.env.TIDEMARK_HTTP_PORT) return [findHttpPort(service)]
  const places = new Set([0, findIndex(service), ...services.keys()])
  return [...places].map((place) => FIRST_PORT + place)
}

function findIndex(service: string): number {
  const place = services.findIndex(({ name }) => name === service)
  if (place < 0) throw new UsageError(`there is no service ${service}`)
  return place
}

/** Every app lists its services in its OpenAPI document. */
async function probe(address: string, service: string): Promise<string> {
  try {
    const response = await fetch(`${address}/api/openapi.json`, {
      headers: await localHeaders(),
      signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
    })
    const text = await response.text()
    if (response.status === 401) return 'requires a token: is TIDEMARK_DATA the folder of the system that runs there?'
    if (response.ok && parseServices(text).includes(service)) return 'the service'
    return `answered ${response.status}: ${service} does not run there`
  } catch (error) {
    if ((error as Error).name === 'TimeoutError') return `gave no answer in ${GIVE_UP_AFTER_MS / 1000} s`
    return 'nobody'
  }
}

/** The services that an OpenAPI document names as its tags; none if the text is not such a document. */
function parseServices(text: string): readonly string[] {
  try {
    const { tags } = JSON.parse(text) as { readonly tags?: readonly { readonly name?: string }[] }
    return (tags ?? []).map(({ name }) => name ?? '')
  } catch {
    return []
  }
}
