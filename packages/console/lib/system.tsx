import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import { get, getJson, type Service } from '../api/client.ts'
import type { About } from '../api/contract.ts'
import { type Loaded, useLoad } from './load.ts'

export const Services = createContext<readonly Service[]>([])

export function useServices(): readonly Service[] {
  return useContext(Services)
}

/** The list of services, from a file beside the page. */
export function useConfiguration(): Loaded<readonly Service[]> {
  return useLoad('console.json', async (signal) => {
    const { services } = await getJson<{ services: readonly Service[] }>('console.json', signal)
    return services
  })
}

const abouts = new Map<string, Promise<About>>()

/**
 * The declaration of a service. It changes only with a new build, so it is read once. A failure is not
 * cached.
 */
export function readAbout(service: Service): Promise<About> {
  const known = abouts.get(service.api)
  if (known) return known
  const asked = get<About>(service, '/about', {})
  abouts.set(service.api, asked)
  asked.catch(() => abouts.delete(service.api))
  return asked
}

export interface ServiceAnswer<Value> {
  readonly service: Service
  readonly value?: Value
  readonly error?: unknown
}

/** Asks every service. A failure becomes the `error` of its answer. */
export async function askAll<Value>(
  services: readonly Service[],
  ask: (service: Service) => Promise<Value>,
): Promise<readonly ServiceAnswer<Value>[]> {
  const settled = await Promise.allSettled(services.map(ask))
  return settled.flatMap((result, index) => {
    const service = services[index]
    if (!service) return []
    return [result.status === 'fulfilled' ? { service, value: result.value } : { service, error: result.reason }]
  })
}

const ACTOR = 'tidemark.actor'

/** The actor of commands on a laptop. In Azure the platform sets the actor and ignores this one. */
export function actor(): string {
  return localStorage.getItem(ACTOR) ?? 'console'
}

export function setActor(name: string): void {
  localStorage.setItem(ACTOR, name)
}

/** The header that names the actor of a request. */
export function asActor(name: string = actor()): Readonly<Record<string, string>> {
  return /^[\x21-\x7e]{1,255}$/.test(name) ? { 'x-actor': name } : {}
}

/** The service whose log has a stream, by its category; undefined if no answering service knows it. */
export async function findOwner(services: readonly Service[], stream: string): Promise<string | undefined> {
  const category = stream.slice(0, stream.indexOf('-'))
  const answers = await askAll(services, readAbout)
  return answers.find(({ value }) => value?.categories.some(({ name }) => name === category))?.service.name
}
