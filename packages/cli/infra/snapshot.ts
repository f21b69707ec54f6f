import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Compiler } from './compiler.ts'

type Json = null | boolean | number | string | readonly Json[] | JsonObject
type JsonObject = { readonly [name: string]: Json }

/** Everything that a parameter file deploys: each resource with the properties that Azure receives. */
export interface Snapshot {
  readonly predictedResources: readonly (JsonObject & { readonly id: string })[]
  readonly outputs: JsonObject
}

/** The shape with a whole snapshot. The files of the others have only their differences to it. */
const WHOLE = 'prod'

/** Stands for what only production has. Null would not do: it is a value too. */
const ABSENT = '(absent)'

/** The shapes of a folder, by the names of their parameter files. */
export function listShapes(folder: string): readonly string[] {
  return readdirSync(folder)
    .flatMap((name) => /^main\.(\w+)\.bicepparam$/.exec(name)?.[1] ?? [])
    .toSorted()
}

export const toSnapshotFile = (shape: string): string => `main.${shape}.snapshot.json`

/** The committed snapshot of a shape. */
export function readSnapshot(folder: string, shape: string): Snapshot {
  const read = (each: string): Json => JSON.parse(readFileSync(join(folder, toSnapshotFile(each)), 'utf8'))
  const whole = read(WHOLE) as unknown as Snapshot
  if (shape === WHOLE) return whole
  const { resources, ...others } = applyDifference(byId(whole), read(shape)) as JsonObject
  return { ...others, predictedResources: Object.values(resources as JsonObject) } as unknown as Snapshot
}

/**
 * Evaluates all shapes of a folder.
 * @returns the content that each snapshot file should have, by its name, and the number of its resources.
 */
export async function takeSnapshots(
  compiler: Compiler,
  folder: string,
): Promise<ReadonlyMap<string, { readonly content: Json; readonly resources: number }>> {
  const whole = await takeSnapshot(compiler, join(folder, `main.${WHOLE}.bicepparam`))
  const taken = new Map<string, { content: Json; resources: number }>()
  for (const shape of listShapes(folder)) {
    const isWhole = shape === WHOLE
    const snapshot = isWhole ? whole : await takeSnapshot(compiler, join(folder, `main.${shape}.bicepparam`))
    const content = isWhole ? (whole as unknown as Json) : findDifference(byId(whole), byId(snapshot))
    taken.set(toSnapshotFile(shape), { content, resources: snapshot.predictedResources.length })
  }
  return taken
}

/** Evaluates one parameter file. The outputs are sorted, because Bicep writes them in any order. */
export async function takeSnapshot(compiler: Compiler, file: string): Promise<Snapshot> {
  const { outputs, ...others } = JSON.parse(await compiler.evaluate(file)) as Snapshot
  const sorted = Object.entries(outputs).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { ...others, outputs: Object.fromEntries(sorted) }
}

/** A snapshot with its resources by id. Two modules may assign the same role: the same resource twice. */
function byId({ predictedResources, ...others }: Snapshot): JsonObject {
  const resources: Record<string, Json> = {}
  for (const resource of predictedResources) {
    const before = resources[resource.id]
    if (before !== undefined && !isDeepStrictEqual(before, resource))
      throw new Error(`two resources with different properties have the id ${resource.id}`)
    resources[resource.id] = resource
  }
  return { ...(others as JsonObject), resources }
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The properties of `other` that differ from those of `base`. A list that differs is there as a whole. */
export function findDifference(base: JsonObject, other: JsonObject): JsonObject {
  const found: Record<string, Json> = {}
  for (const name of new Set([...Object.keys(base), ...Object.keys(other)])) {
    const [before, after] = [base[name], other[name]]
    if (isDeepStrictEqual(before, after)) continue
    if (after === undefined) found[name] = ABSENT
    else found[name] = isObject(before) && isObject(after) ? findDifference(before, after) : after
  }
  return found
}

/** The value that differs from `base` in this way. */
export function applyDifference(base: Json | undefined, difference: Json): Json {
  if (!isObject(base) || !isObject(difference)) return difference
  const changed = Object.entries(difference).map(([name, value]) => [name, applyDifference(base[name], value)] as const)
  const all: JsonObject = { ...base, ...Object.fromEntries(changed) }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ABSENT))
}
