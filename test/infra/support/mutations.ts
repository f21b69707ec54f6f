import type { Deployed, Resource } from './deployed.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** A changed template. `kind` is `<change> <type> <path>`, with `*` for the items of a list. */
export interface Mutation {
  readonly kind: string
  readonly mutated: Deployed
}

/** What Azure names a resource by: a changed one is another resource. */
const IDENTITY: ReadonlySet<string> = new Set(['id', 'type', 'name', 'apiVersion'])

/** Every path in a value that can be deleted: each property of each object, each item of each list. */
function* places(value: Json, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, each] of Object.entries(value)) {
    yield [...path, name]
    yield* places(each, [...path, name])
  }
}

/** A copy with another value at a path, or without it if the value is undefined. */
function replace(value: Json, [name = '', ...rest]: readonly string[], change: (old: Json) => Json | undefined): Json {
  const old = (value as Record<string, Json>)[name] as Json
  const changed = rest.length === 0 ? change(old) : replace(old, rest, change)
  if (Array.isArray(value)) return value.toSpliced(Number(name), 1, ...(changed === undefined ? [] : [changed]))
  const { [name]: _, ...others } = value as Record<string, Json>
  return changed === undefined ? others : { ...(value as Record<string, Json>), [name]: changed }
}

/** Other values in place of one. */
function otherValues(value: Json): readonly Json[] {
  if (typeof value === 'boolean') return [!value]
  if (typeof value === 'number') return [0, value * 1000 + 1]
  if (typeof value === 'string') return ['', `${value}-too`]
  if (Array.isArray(value)) return [[], ...value.slice(0, 1).map((first) => [...value, first])]
  return [{}]
}

/** The last resource, or place in one, of each kind. faults.test.ts changes the first ones. */
function listKinds({ predictedResources }: Deployed): ReadonlyMap<string, readonly [number, readonly string[]]> {
  const kinds = new Map<string, readonly [number, readonly string[]]>()
  predictedResources.forEach((resource, index) => {
    kinds.set(resource.type, [index, []])
    for (const place of places(resource as unknown as Json)) {
      const path = place.map((name) => (/^\d+$/.test(name) ? '*' : name)).join('.')
      if (!IDENTITY.has(path)) kinds.set(`${resource.type} ${path}`, [index, place])
    }
  })
  return kinds
}

/** One deletion of each kind: each type of resource, and each of its properties. */
export function* deletions(template: Deployed): Generator<Mutation> {
  for (const [kind, [index, place]] of listKinds(template))
    if (place.length === 0) yield { kind, mutated: withResources(template, (all) => all.toSpliced(index, 1)) }
    else yield { kind, mutated: changed(template, [index, place], () => undefined) }
}

/** One more resource of each type, and other values of each kind of property. */
export function* changes(template: Deployed): Generator<Mutation> {
  for (const [kind, [index, place]] of listKinds(template)) {
    const resource = template.predictedResources[index] as Resource
    if (place.length === 0) {
      const another = { ...resource, id: `${resource.id}-too` }
      yield { kind: `another ${kind}`, mutated: withResources(template, (all) => [...all, another]) }
      continue
    }
    const old = place.reduce<Json>((value, name) => (value as Record<string, Json>)[name] ?? null, resource as never)
    for (const value of otherValues(old))
      yield { kind: `changed ${kind}`, mutated: changed(template, [index, place], () => value) }
  }
}

function changed(
  template: Deployed,
  [index, place]: readonly [number, readonly string[]],
  change: (old: Json) => Json | undefined,
): Deployed {
  const resource = template.predictedResources[index] as unknown as Json
  const mutated = replace(resource, place, change) as unknown as Resource
  return withResources(template, (all) => all.with(index, mutated))
}

function withResources(template: Deployed, change: (resources: readonly Resource[]) => readonly Resource[]): Deployed {
  return { ...template, predictedResources: change(template.predictedResources) }
}
