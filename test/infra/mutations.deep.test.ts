import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { type Deployed, deployed, type Resource, type Shape, shapes } from './support/deployed.ts'
import { NOT_SECURITY, NOT_SECURITY_IN_PUBLIC } from './support/not-security.ts'

const rules = rulesFor(services)

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** Every path in a value that can be deleted: each property of each object, each item of each list. */
function* places(value: Json, path: readonly string[] = []): Generator<readonly string[]> {
  if (typeof value !== 'object' || value === null) return
  for (const [name, each] of Object.entries(value)) {
    yield [...path, name]
    yield* places(each as Json, [...path, name])
  }
}

function without(value: Json, [name, ...rest]: readonly string[]): Json {
  if (Array.isArray(value))
    return rest.length === 0
      ? value.filter((_, index) => String(index) !== name)
      : value.map((each, index) => (String(index) === name ? without(each, rest) : each))
  const { [name as string]: found, ...others } = value as Record<string, Json>
  return rest.length === 0
    ? others
    : { ...(value as Record<string, Json>), [name as string]: without(found ?? null, rest) }
}

/** Whether a rule or the role matrix reports a fault, apart from the snapshot. */
function isNoticed(template: Deployed, shape: Shape): boolean {
  try {
    return (
      rules.some((rule) => rule.check(template).wrong.length > 0) ||
      matrixDifferences(template, services, shape === 'dev').length > 0
    )
  } catch {
    return true
  }
}

describe('a template with a deletion', () => {
  for (const shape of shapes)
    it(`of ${shape} is refused for any property except those that do not affect security`, (t) => {
      const template = deployed(shape)
      assert.equal(isNoticed(template, shape), false)
      let [deleted, noticed] = [0, 0]
      const unnoticed = new Set<string>()
      const harmless = shape === 'dev' ? [...NOT_SECURITY, ...NOT_SECURITY_IN_PUBLIC] : NOT_SECURITY
      template.predictedResources.forEach((resource, index) => {
        for (const place of places(resource as unknown as Json)) {
          const kind = `${resource.type} ${place.map((name) => (/^\d+$/.test(name) ? '*' : name)).join('.')}`
          if (['id', 'type', 'name', 'apiVersion'].includes(place.join('.'))) continue
          deleted++
          const mutated = without(resource as unknown as Json, place) as unknown as Resource
          const predictedResources = template.predictedResources.with(index, mutated)
          if (isNoticed({ ...template, predictedResources }, shape)) noticed++
          else if (!harmless.some((pattern) => pattern.test(kind))) unnoticed.add(kind)
        }
      })
      assert.deepEqual([...unnoticed], [])
      assert.ok(noticed > deleted / 2, `only ${noticed} of ${deleted} were noticed`)
      t.diagnostic(`${noticed} of ${deleted} deletions noticed; the others do not affect security`)
    })

  it('is refused for any resource that affects security', (t) => {
    const template = deployed('prod')
    const unnoticed = new Set<string>()
    template.predictedResources.forEach((resource, index) => {
      const predictedResources = template.predictedResources.toSpliced(index, 1)
      if (!isNoticed({ ...template, predictedResources }, 'prod')) unnoticed.add(resource.type)
    })
    assert.deepEqual(
      [...unnoticed].filter((type) => !NOT_SECURITY.some((pattern) => pattern.test(type))),
      [],
    )
    t.diagnostic(`${template.predictedResources.length} resources`)
  })
})
