import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe } from 'node:test'
import { INFRA } from './support/deployed.ts'
import { before, bicep, it } from './support/with-bicep.ts'

interface Template {
  readonly resources: Readonly<Record<string, Planned>>
}

/** A resource of a compiled template. Unlike a snapshot, it has its dependencies. */
interface Planned {
  readonly type: string
  readonly dependsOn?: readonly string[]
  readonly copy?: { readonly mode?: string; readonly batchSize?: number }
  readonly properties?: { readonly template?: Template }
}

describe('the order of resources', () => {
  let main: Template
  before(async () => {
    const { code, stdout, stderr } = await bicep.run(['build', join(INFRA, 'main.bicep'), '--stdout'])
    assert.equal(code, 0, stderr)
    main = JSON.parse(stdout) as Template
  })

  const named = ({ resources }: Template, name: string): Planned => {
    const found = resources[name]
    assert.ok(found, `there is no ${name}`)
    return found
  }
  const inside = (planned: Planned): Template => {
    assert.ok(planned.properties?.template)
    return planned.properties.template
  }
  /** All direct and indirect dependencies of a resource. */
  const awaited = (template: Template, name: string): ReadonlySet<string> => {
    const found = new Set<string>()
    const visit = (each: string): void => {
      for (const next of template.resources[each]?.dependsOn ?? [])
        if (!found.has(next)) {
          found.add(next)
          visit(next)
        }
    }
    visit(name)
    return found
  }

  it('services wait for their identities, and are deployed one after the other', () => {
    const wait = awaited(main, 'services')
    for (const name of ['identities', 'databases', 'eventHubs', 'monitor', 'network'])
      assert.ok(wait.has(name), `services do not wait for ${name}`)
    assert.deepEqual([...awaited(main, 'identities')], ['group'])
    for (const name of ['services', 'databases', 'developers']) {
      const { mode, batchSize } = named(main, name).copy ?? {}
      assert.deepEqual([mode, batchSize], ['serial', 1], name)
    }
  })

  it('changes to an app are made one after the other', () => {
    const template = inside(named(inside(named(main, 'services')), 'app'))
    // A diagnostic setting is an extension resource and does not change the app.
    const appResources = Object.keys(template.resources).filter(
      (name) => name !== 'diagnostics' && awaited(template, name).has('app'),
    )
    assert.deepEqual(appResources.toSorted(), ['app::authentication', 'app::ftp', 'app::scm', 'privateEndpoint'])
    for (const one of appResources)
      for (const other of appResources)
        if (one < other)
          assert.ok(
            awaited(template, one).has(other) || awaited(template, other).has(one),
            `${one} and ${other} are not ordered`,
          )
  })
})
