import assert from 'node:assert/strict'
import { describe } from 'node:test'
import type { Service } from 'tidemark'
import { buildTopology } from 'tidemark/tools'
import { Compiler } from '../../packages/cli/infra/compiler.ts'
import { SAMPLE_ENVIRONMENT } from '../../packages/cli/infra/template.ts'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { at, type Deployed, selectType } from './support/deployed.ts'
import { type Change, compileVariant } from './support/variant.ts'
import { after, before, bicep, it } from './support/with-bicep.ts'

let compiler: Compiler
before(() => {
  compiler = new Compiler(bicep, SAMPLE_ENVIRONMENT)
})
after(() => compiler.stop())

async function sound(shape: string, change?: Change, declared: readonly Service[] = services): Promise<Deployed> {
  const template = await compileVariant(compiler, shape, change)
  for (const rule of rulesFor(declared)) {
    const { looked, wrong } = rule.check(template)
    assert.deepEqual(wrong, [], rule.name)
    assert.ok(looked > 0, rule.name)
  }
  return template
}

describe('the choices of a shape', () => {
  it('without public HTTP, apps have private endpoints, and all rules hold', async () => {
    const shape = 'union(shapes.prod, { apps: union(shapes.prod.apps, { publicHttp: false }) })'
    const { predictedResources } = await sound(shape)
    const endpoints = selectType(predictedResources, 'Microsoft.Network/privateEndpoints').flatMap(
      (endpoint) => at(endpoint, 'properties.privateLinkServiceConnections') as unknown[],
    )
    const sites = selectType(predictedResources, 'Microsoft.Web/sites')
    assert.equal(sites.length, services.length)
    for (const site of sites) {
      assert.equal(at(site, 'properties.publicNetworkAccess'), 'Disabled')
      const mine = endpoints.filter((each) => at(each, 'properties.privateLinkServiceId') === site.id)
      assert.deepEqual(
        mine.map((each) => at(each, 'properties.groupIds')),
        [['sites']],
      )
    }
  })

  for (const [shape, units, capacity] of [
    ['prod', 17, 17],
    ['dev', 5, 1],
  ] as const)
    it(`in ${shape} with ${units} existing throughput units, ${capacity} remain`, async () => {
      const { predictedResources } = await sound(`shapes.${shape}`, async (read, write) => {
        const main = await read('main.bicep')
        const changed = main.replace('param eventHubsUnits int = 0', `param eventHubsUnits int = ${units}`)
        assert.notEqual(changed, main)
        await write('main.bicep', changed)
      })
      const [namespace] = selectType(predictedResources, 'Microsoft.EventHub/namespaces')
      assert.equal(at(namespace, 'sku.capacity'), capacity)
    })

  it('Event Hubs Premium has no auto-inflate, and all rules hold', async () => {
    const size = "{ tier: 'Premium', capacity: 4, maximumCapacity: 4, partitions: 32 }"
    const { predictedResources } = await sound(`union(shapes.prod, { eventHubs: ${size} })`)
    const [namespace] = selectType(predictedResources, 'Microsoft.EventHub/namespaces')
    assert.equal(at(namespace, 'sku.name'), 'Premium')
    assert.ok(!at(namespace, 'properties.isAutoInflateEnabled'))
  })

  it('a second region is only for failover, and all rules hold', async () => {
    const cosmos = "union(shapes.prod.cosmos, { failoverLocations: ['northeurope'] })"
    const { predictedResources } = await sound(`union(shapes.prod, { cosmos: ${cosmos} })`)
    const [account] = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
    const locations = at(account, 'properties.locations') as { locationName: string; failoverPriority: number }[]
    assert.deepEqual(
      locations.map(({ locationName, failoverPriority }) => [locationName, failoverPriority]),
      [
        ['westeurope', 0],
        ['northeurope', 1],
      ],
    )
    assert.equal(at(account, 'properties.enableMultipleWriteLocations'), false)
    assert.equal(at(account, 'properties.enableAutomaticFailover'), true)
  })

  it('without an OTLP endpoint no app has one, and Application Insights remains', async () => {
    const { predictedResources } = await sound('shapes.prod')
    const sites = selectType(predictedResources, 'Microsoft.Web/sites')
    assert.equal(sites.length, services.length)
    for (const site of sites) {
      const names = (at(site, 'properties.siteConfig.appSettings') as { name: string }[]).map(({ name }) => name)
      assert.ok(names.includes('APPLICATIONINSIGHTS_CONNECTION_STRING'))
      assert.ok(!names.includes('OTEL_EXPORTER_OTLP_ENDPOINT'))
    }
  })

  it('locked archives keep their policy, the others get theirs', async () => {
    const template = await compileVariant(compiler, 'shapes.prod', async (read, write) => {
      const main = await read('main.bicep')
      const locked = main.replace("param lockedAnchors string = ''", "param lockedAnchors string = 'ordering,shipping'")
      assert.notEqual(locked, main)
      await write('main.bicep', locked)
    })
    const containers = 'Microsoft.Storage/storageAccounts/blobServices/containers'
    const written = selectType(template.predictedResources, `${containers}/immutabilityPolicies`)
    assert.deepEqual(written.map(({ id }) => id.split('/').at(-3)).toSorted(), [
      'archive-inventory',
      'archive-payments',
    ])
  })

  it('without personal data there is no vault, no key and no right on one', async () => {
    const declared = services.map(({ personal, ...service }) => ({
      ...service,
      deciders: service.deciders.map(({ subject, ...decider }) => decider),
    }))
    const topology = JSON.stringify(buildTopology(declared))
    const { predictedResources } = await sound('shapes.prod', (_, write) => write('topology.json', topology), declared)
    const withVault = predictedResources.filter((each) => JSON.stringify(each).includes('Microsoft.KeyVault'))
    assert.deepEqual(withVault, [])
  })

  it('a changed declaration changes only its own rights', async () => {
    const declared = services.map((service) => (service.name === 'shipping' ? { ...service, reactions: [] } : service))
    const topology = JSON.stringify(buildTopology(declared))
    const change: Change = (_, write) => write('topology.json', topology)
    const template = await sound('shapes.prod', change, declared)
    assert.deepEqual(matrixDifferences(template, declared, false), [])
    const gone = matrixDifferences(template, services, false)
    assert.ok(gone.length > 0)
    for (const cell of gone) assert.match(cell, /^too little: shipping may /)
  })
})
