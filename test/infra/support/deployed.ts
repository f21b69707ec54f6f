import { fileURLToPath } from 'node:url'
import { readSnapshot } from '../../../packages/cli/infra/snapshot.ts'

/** A resource in a snapshot: the properties as Azure Resource Manager receives them. */
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

/** The committed snapshot of a shape. A test compares it with the template. */
export function deployed(shape: Shape): Deployed {
  return readSnapshot(INFRA, shape) as Deployed
}

/** Cached per list: lists do not change, and a changed template has a new list. */
const byType = new WeakMap<readonly Resource[], ReadonlyMap<string, readonly Resource[]>>()

export function selectType(resources: readonly Resource[], type: string): readonly Resource[] {
  let types = byType.get(resources)
  if (types === undefined) {
    types = Map.groupBy(resources, (resource) => resource.type.toLowerCase())
    byType.set(resources, types)
  }
  return types.get(type.toLowerCase()) ?? []
}

/** The value at a path such as `properties.encryption.keySource`; undefined if there is none. */
export function at(resource: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      resource,
    )
}

/** The list at a path; empty if there is none. */
export function listAt<Item = unknown>(resource: unknown, path: string): readonly Item[] {
  return (at(resource, path) ?? []) as readonly Item[]
}

/** The ids of a resource's identities. */
export function listIdentities(resource: Resource | undefined): readonly string[] {
  return Object.keys((at(resource, 'identity.userAssignedIdentities') ?? {}) as object)
}
