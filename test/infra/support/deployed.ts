import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A resource as a snapshot tells it: the property bag as Azure Resource Manager gets it. */
export interface Resource {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly properties?: Readonly<Record<string, unknown>>
  readonly [property: string]: unknown
}

/** Everything that a parameter file deploys. */
export interface Deployed {
  readonly predictedResources: readonly Resource[]
  readonly outputs: Readonly<Record<string, unknown>>
}

export const INFRA = fileURLToPath(new URL('../../../infra/', import.meta.url))

/** The shapes of an environment, by the names of their parameter files. */
export const shapes = ['dev', 'test', 'prod'] as const
export type Shape = (typeof shapes)[number]

/** The committed snapshot of a shape: a test holds it against the template. */
export function deployed(shape: Shape): Deployed {
  return JSON.parse(readFileSync(`${INFRA}main.${shape}.snapshot.json`, 'utf8')) as Deployed
}

/** A list stays as it is once it has been asked: a template that is changed has another. */
const byType = new WeakMap<readonly Resource[], ReadonlyMap<string, readonly Resource[]>>()

export function selectType(resources: readonly Resource[], type: string): readonly Resource[] {
  let types = byType.get(resources)
  if (types === undefined) {
    types = Map.groupBy(resources, (resource) => resource.type.toLowerCase())
    byType.set(resources, types)
  }
  return types.get(type.toLowerCase()) ?? []
}

/** A value at a path such as `properties.encryption.keySource`; undefined where there is none. */
export function at(resource: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      resource,
    )
}

/** A list at a path; none where there is none. */
export function listAt<Item = unknown>(resource: unknown, path: string): readonly Item[] {
  return (at(resource, path) ?? []) as readonly Item[]
}

/** The ids of the identities that a resource was given. */
export function listIdentities(resource: Resource | undefined): readonly string[] {
  return Object.keys((at(resource, 'identity.userAssignedIdentities') ?? {}) as object)
}
