import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildTopology } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { finds, netsFor } from './rules/nets.ts'
import { type Deployed, deployed, selectType } from './support/deployed.ts'

// mutations.test.ts deletes properties; this test adds or changes them, at least once per rule. So a removed
// rule is noticed, and so is one that finds only what others find too.

// biome-ignore lint/suspicious/noExplicitAny: any JSON that Azure Resource Manager accepts.
type Bag = any
type Fault = (resources: Bag[], outputs: Bag) => void

const hubs = 'Microsoft.EventHub/namespaces'
const cosmos = 'Microsoft.DocumentDB/databaseAccounts'
const storage = 'Microsoft.Storage/storageAccounts'
const blobs = `${storage}/blobServices`
const sites = 'Microsoft.Web/sites'
const network = 'Microsoft.Network'
const vaults = 'Microsoft.KeyVault/vaults'
const insights = 'Microsoft.Insights'
const workspaces = 'Microsoft.OperationalInsights/workspaces'
const assignments = 'Microsoft.Authorization/roleAssignments'
const locked = 'Microsoft.Authorization/locks'

/** The first resource of a type whose id has this end. */
function one(resources: Bag[], type: string, end = ''): Bag {
  return (
    resources.find((each) => each.type === type && each.id.endsWith(end)) ?? assert.fail(`there is no ${type} ${end}`)
  )
}

/** A fault in one resource's properties. */
const of =
  (type: string, change: (properties: Bag, resource: Bag) => void, end = ''): Fault =>
  (resources) => {
    const resource = one(resources, type, end)
    change(resource.properties, resource)
  }

/** One more resource: a changed copy of an existing one. */
const another =
  (type: string, change: (resource: Bag) => void, end = ''): Fault =>
  (resources) => {
    const resource = structuredClone(one(resources, type, end))
    change(resource)
    resources.push(resource)
  }

const setting = (name: string, value: string): Fault =>
  of(sites, ({ siteConfig }) => {
    const others = siteConfig.appSettings.filter((each: Bag) => each.name !== name)
    siteConfig.appSettings = [...others, { name, value }]
  })

function changed(fault: Fault): Deployed {
  const { predictedResources, outputs } = structuredClone(deployed('prod')) as Bag
  fault(predictedResources, outputs)
  // A new list, because selectType caches each list's resources by type.
  return { predictedResources: [...predictedResources], outputs }
}

/** The template follows the topology, so the rule on the topology finds the same, unless both have the fault. */
const LOGS = 'a log never expires and is partitioned by stream'

const faults: Readonly<Record<string, Readonly<Record<string, Fault>>>> = {
  'databases and containers match the topology': {
    'an undeclared container': another(
      `${cosmos}/sqlDatabases/containers`,
      (container) => {
        container.id += '-too'
      },
      '/events',
    ),
    'a fully indexed log': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => {
        resource.indexingPolicy.excludedPaths = []
      },
      '/events',
    ),
    'a list without its index': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => resource.indexingPolicy.compositeIndexes.pop(),
      '/order',
    ),
    'a list with an ascending index': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => {
        resource.indexingPolicy.compositeIndexes[0].at(-1).order = 'ascending'
      },
      '/order',
    ),
  },
  "every service has its app, its archive and its host's containers": {
    'an unneeded container': another(
      `${blobs}/containers`,
      (container) => {
        container.id = container.id.replace('/archive-ordering', '/others')
      },
      '/archive-ordering',
    ),
    'two apps of one': of(sites, (_, site) => {
      site.tags['azd-service-name'] = 'shipping'
    }),
  },
  'hubs and consumer groups match the topology': {
    'one group too many': another(`${hubs}/eventhubs/consumergroups`, (group) => {
      group.id += '-too'
    }),
    'a hub with a shorter retention': of(`${hubs}/eventhubs`, ({ retentionDescription }) => {
      retentionDescription.retentionTimeInHours = 1
    }),
  },
  'no keys': {
    'shared keys of storage': of(storage, (account) => {
      account.allowSharedKeyAccess = true
    }),
    'keys of Cosmos DB': of(cosmos, (account) => {
      account.disableLocalAuth = false
    }),
  },
  'logs are readable by those who may read the resource': {
    'access by the right to read the workspace': of(workspaces, ({ features }) => {
      features.enableLogAccessUsingOnlyResourcePermissions = false
    }),
  },
  'logs are kept': {
    'for a week': of(workspaces, (workspace) => {
      workspace.retentionInDays = 7
    }),
  },
  'TLS 1.2': {
    'an app that accepts 1.0': of(sites, ({ siteConfig }) => {
      siteConfig.minTlsVersion = '1.0'
    }),
  },
  'nothing anonymous': {
    'a container that anybody may read': of(`${blobs}/containers`, (container) => {
      container.publicAccess = 'Blob'
    }),
  },
  'deletions can be undone': {
    'for only a day': of(blobs, ({ containerDeleteRetentionPolicy }) => {
      containerDeleteRetentionPolicy.days = 1
    }),
    'from periodic backups': of(cosmos, ({ backupPolicy }) => {
      backupPolicy.type = 'Periodic'
    }),
  },
  'one log': {
    'with two write regions': of(cosmos, (account) => {
      account.enableMultipleWriteLocations = true
    }),
  },
  'no secret in any property or output': {
    'keys in an output': (_, outputs) => {
      outputs.KEY = "[listKeys(resourceId('Microsoft.Storage/storageAccounts', 'st'), '2025-06-01').keys[0].value]"
    },
    'a connection string in a tag': of(sites, (_, site) => {
      site.tags.connection = 'AccountEndpoint=https://a/;AccountKey=a2V5'
    }),
    'a password in a setting': setting('TIDEMARK_QUERY_WAIT_MS', 'password 5000'),
  },
  "no connection string in any setting or output, except telemetry's address": {
    'a setting of another kind': setting('CosmosConnection', 'AccountEndpoint=https://a/;Key=b'),
    'telemetry sent somewhere else': setting(
      'APPLICATIONINSIGHTS_CONNECTION_STRING',
      'InstrumentationKey=b;IngestionEndpoint=https://example.com/',
    ),
    'an output': (_, outputs) => {
      outputs.CONNECTION_STRING = 'here'
    },
  },
  'every connection of an app uses its identity': {
    'by a key': setting('AzureWebJobsStorage', 'UseDevelopmentStorage=true'),
    "by another app's": (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      const find = (site: Bag) =>
        site.properties.siteConfig.appSettings.find(({ name }: Bag) => name === 'CosmosConnection__clientId')
      find(mine).value = find(other).value
    },
  },
  'no public access with private networking': {
    'to the log': of(cosmos, (account) => {
      account.publicNetworkAccess = 'Enabled'
    }),
  },
  'every closed public endpoint also has closed network rules': {
    'an account that allows every source': of(storage, ({ networkAcls }) => {
      networkAcls.defaultAction = 'Allow'
    }),
    'an account that allows all Azure services': of(storage, ({ networkAcls }) => {
      networkAcls.bypass = 'AzureServices'
    }),
  },
  'subnets allow only the listed traffic': {
    'a denial with the first priority': of(`${network}/networkSecurityGroups`, ({ securityRules }) => {
      securityRules.find(({ properties }: Bag) => properties.access === 'Deny').properties.priority = 100
    }),
    'a denial for some sources only': of(`${network}/networkSecurityGroups`, ({ securityRules }) => {
      securityRules.find(({ properties }: Bag) => properties.access === 'Deny').properties.sourceAddressPrefix =
        '10.0.0.0/8'
    }),
    'one more outgoing rule': of(
      `${network}/networkSecurityGroups`,
      ({ securityRules }) => {
        const [rule] = securityRules
        securityRules.push({ ...rule, name: 'Out', properties: { ...rule.properties, destinationAddressPrefix: '*' } })
      },
      'nsg-private-endpoints',
    ),
  },
  'every data resource has a private endpoint with a DNS name': {
    'an endpoint of another group': of(`${network}/privateEndpoints`, ({ privateLinkServiceConnections }) => {
      privateLinkServiceConnections[0].properties.groupIds = ['table']
    }),
  },
  'telemetry is in the private link scope, which accepts no other source': {
    'an open scope': of(`${insights}/privateLinkScopes`, ({ accessModeSettings }) => {
      accessModeSettings.ingestionAccessMode = 'Open'
    }),
  },
  'every app has its own delegated subnet for outgoing calls': {
    "through another app's": (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      mine.properties.virtualNetworkSubnetId = other.properties.virtualNetworkSubnetId
    },
  },
  'every resource logs to the workspace': {
    'no workspace at all': (resources) => {
      resources.splice(resources.indexOf(one(resources, workspaces)), 1)
    },
    'to another one': of(`${insights}/diagnosticSettings`, (diagnostics) => {
      diagnostics.workspaceId += '-too'
    }),
  },
  'the alert on large streams has its data': {
    'in another table': (resources) => {
      const account = one(resources, cosmos)
      const found = selectType(resources, `${insights}/diagnosticSettings`).find(({ id }) => id.startsWith(account.id))
      ;(found as Bag).properties.logAnalyticsDestinationType = 'AzureDiagnostics'
    },
  },
  'every alert is on, has a scope and notifies the operators': {
    'a disabled alert': of(`${insights}/metricAlerts`, (alert) => {
      alert.enabled = false
    }),
    'a log alert with another scope': of(`${insights}/scheduledQueryRules`, (alert) => {
      alert.scopes = [`${alert.scopes[0]}-too`]
    }),
  },
  "every resource has its environment's tag": {
    'another one': of(sites, (_, site) => {
      site.tags['azd-env-name'] = 'other'
    }),
  },
  [LOGS]: {
    'after a year': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => {
        resource.defaultTtl = 31_536_000
      },
      '/events',
    ),
  },
  'the segments of an archive cannot be changed or removed': {
    'but appended to': of(`${blobs}/containers/immutabilityPolicies`, (policy) => {
      policy.allowProtectedAppendWrites = true
    }),
  },
  'each service with personal data has a key that only wraps and unwraps': {
    'and decrypts': of(`${vaults}/keys`, ({ keyOps }) => keyOps.push('decrypt')),
    'of 1024 bits': of(`${vaults}/keys`, (key) => {
      key.keySize = 1024
    }),
    'and a service without': another(`${vaults}/keys`, (key) => {
      key.id = key.id.replace('/ordering', '/payments')
    }),
  },
  'only roles open the vault, and what is deleted there can be recovered': {
    'but access policies': of(vaults, (vault) => {
      vault.enableRbacAuthorization = false
    }),
    'within a week': of(vaults, (vault) => {
      vault.softDeleteRetentionInDays = 7
    }),
    'unless somebody purges it': of(vaults, (vault) => {
      delete vault.enablePurgeProtection
    }),
  },
  'archives are encrypted twice and keep overwritten and deleted blobs': {
    'encrypted once': of(storage, ({ encryption }) => {
      encryption.requireInfrastructureEncryption = false
    }),
  },
  'host storage keeps neither versions nor deleted blobs': {
    'but versions': (resources) => {
      const kept = one(resources, `${blobs}/containers`, '/azure-webjobs-eventhub').id.replace(/\/containers\/.*/, '')
      one(resources, blobs, kept).properties.isVersioningEnabled = true
    },
  },
  'every app has exactly one identity, its own': {
    'and the identity of another app': (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      Object.assign(mine.identity.userAssignedIdentities, other.identity.userAssignedIdentities)
    },
  },
  'no app accepts a publishing password': {
    'but over FTP': of(
      `${sites}/basicPublishingCredentialsPolicies`,
      (policy) => {
        policy.allow = true
      },
      '/ftp',
    ),
  },
  'an app with an app registration answers only with a token': {
    'but anybody': of(`${sites}/config`, ({ globalValidation }) => {
      globalValidation.unauthenticatedClientAction = 'AllowAnonymous'
    }),
    'tokens of any tenant': of(`${sites}/config`, ({ identityProviders }) => {
      const { registration } = identityProviders.azureActiveDirectory
      registration.openIdIssuer = 'https://login.microsoftonline.com/common/v2.0'
    }),
  },
  'hubs, partitions, consumer groups, retention and throughput are within the tier': {
    'more partitions than allowed': of(`${hubs}/eventhubs`, (hub) => {
      hub.partitionCount = 33
    }),
    'more groups than the tier allows': (resources) => {
      for (let index = 0; index < 20; index++)
        another(`${hubs}/eventhubs/consumergroups`, (group) => {
          group.id += `-${index}`
        })(resources, {})
    },
    'auto-inflate beyond the limit': of(hubs, (namespace) => {
      namespace.maximumThroughputUnits = 41
    }),
    'more units than a namespace allows': of(hubs, (namespace, { sku }) => {
      sku.capacity = 41
      namespace.maximumThroughputUnits = 0
    }),
    'an unknown tier': of(hubs, (_, { sku }) => {
      Object.assign(sku, { name: 'Free', tier: 'Free' })
    }),
    'more hubs than a namespace allows': (resources) => {
      for (let index = 0; index < 10; index++)
        another(`${hubs}/eventhubs`, (hub) => {
          hub.id += `-${index}`
        })(resources, {})
    },
    'a retention of more than a week': of(`${hubs}/eventhubs`, ({ retentionDescription }) => {
      retentionDescription.retentionTimeInHours = 169
    }),
  },
  "databases, containers and throughput are within Cosmos DB's limits": {
    'an invalid throughput step': of(`${cosmos}/sqlDatabases`, ({ options }) => {
      options.autoscaleSettings.maxThroughput = 1500
    }),
    'more views than can share a database’s throughput': (resources) => {
      for (let index = 0; index < 25; index++)
        another(
          `${cosmos}/sqlDatabases/containers`,
          (container) => {
            container.id += `-${index}`
          },
          '/leases',
        )(resources, {})
    },
    'no scaling': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ options }) => {
        options.throughput = 400
      },
      '/events',
    ),
  },
  'the staleness bound is valid for the number of regions': {
    'the bound of one region, for two': of(cosmos, ({ locations, consistencyPolicy }) => {
      Object.assign(consistencyPolicy, { maxStalenessPrefix: 10, maxIntervalInSeconds: 5 })
      locations.push({ locationName: 'northeurope', failoverPriority: 1 })
    }),
  },
  'apps have a Flex Consumption size, and zone-redundant ones two always-ready instances': {
    'in only one zone': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.alwaysReady[0].instanceCount = 1
    }),
    'with no always-ready instance': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.alwaysReady = []
    }),
    'on the plan of another app': (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      mine.properties.serverFarmId = other.properties.serverFarmId
    },
    'of an invalid size': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.instanceMemoryMB = 1024
    }),
  },
  'apps have only properties that Flex Consumption accepts': {
    'a refused property': of(sites, ({ siteConfig }) => {
      siteConfig.ftpsState = 'Disabled'
    }),
    'a refused property without a value': of(sites, ({ siteConfig }) => {
      siteConfig.linuxFxVersion = null
    }),
    'an outgoing route that it has anyway': of(sites, (site) => {
      site.outboundVnetRouting = { allTraffic: true }
    }),
    'an unknown property': of(sites, (site) => {
      site.endToEndEncryptionEnabled = true
    }),
    'an unknown property of its configuration': of(sites, ({ siteConfig }) => {
      siteConfig.webSocketsEnabled = true
    }),
    'the language setting of other plans': setting('FUNCTIONS_WORKER_RUNTIME', 'node'),
    'a package to run from, in lower case': setting('website_run_from_package', '1'),
    'an unknown setting': setting('AzureWebJobsSecretStorageType', 'files'),
  },
  'only permanent logs, archives and keys are locked against deletion': {
    'but the logs': (resources) => {
      const locks = selectType(resources, locked) as Bag[]
      resources.splice(resources.indexOf(locks.find(({ id }) => id.includes(cosmos))), 1)
    },
    'the whole group with them': another(locked, (lock) => {
      lock.id = lock.id.replace(/\/providers\/.*(\/providers\/)/, '$1')
    }),
    'against every change': of(locked, (lock) => {
      lock.level = 'ReadOnly'
    }),
    'in an environment that will be deleted': of(cosmos, ({ backupPolicy }) => {
      backupPolicy.continuousModeProperties.tier = 'Continuous7Days'
    }),
  },
  'names are valid in Azure': {
    'a name that is too long': of(storage, (_, account) => {
      account.name = 's'.repeat(25)
    }),
  },
  'rights match the services’ declarations cell by cell': {
    'one too many': of(`${cosmos}/sqlRoleAssignments`, (properties) => {
      properties.scope = properties.scope.replace(/\/dbs\/.*/, '')
    }),
  },
  'every app has each app setting of the list once': {
    'one of another version': setting('TIDEMARK_OLD', '1'),
    'one is missing': of(sites, ({ siteConfig }) => {
      siteConfig.appSettings = siteConfig.appSettings.filter(({ name }: Bag) => name !== 'TIDEMARK_QUERY_WAIT_MS')
    }),
  },
  'every app setting has a valid value, where it is known': {
    'words for a number': setting('TIDEMARK_QUERY_WAIT_MS', 'five seconds'),
  },
  'every alert has a runbook in docs/operate.md, and every runbook an alert': {
    'an unknown one': of(`${insights}/metricAlerts`, (alert) => {
      alert.description += '-too'
    }),
  },
  'every resource has a row in docs/deploy.md': {
    'a new type': another(`${insights}/workbooks`, (workbook) => {
      Object.assign(workbook, { id: `${workbook.id}-too`, type: `${insights}/webtests` })
    }),
  },
  'the alert on failed functions stays active while one batch fails': {
    'after too many failures': (resources) => {
      const alert = resources.find(({ name }) => name === 'functions-failing')
      alert.properties.criteria.allOf[0].threshold = 1000
    },
  },
  'always-ready instances are for functions that exist': {
    'a renamed one': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.alwaysReady[1].name = 'function:ordering-outbox'
    }),
  },
}

describe('a rule', () => {
  const rules = new Map(netsFor(services, 'prod').map((rule) => [rule.name, rule]))

  it('has at least one fault here', () =>
    assert.deepEqual([...rules.keys()].toSorted(), Object.keys(faults).toSorted()))

  for (const [name, shown] of Object.entries(faults))
    for (const [what, fault] of Object.entries(shown))
      it(`finds: ${name}; ${what}`, () => {
        const { looked, wrong } = rules.get(name)?.check(changed(fault)) ?? assert.fail('there is no such rule')
        assert.ok(looked > 0 && wrong.length > 0)
      })

  it('on logs is needed if the topology declares a log that expires', () => {
    const topology = structuredClone(buildTopology(services)) as Bag
    const expires = { name: 'events', defaultTtl: 31_536_000 }
    for (const { containers } of topology.databases)
      for (const log of containers.filter(({ name }: Bag) => name === expires.name)) Object.assign(log, expires)
    const template = changed((resources) => {
      for (const { id, properties } of selectType(resources, `${cosmos}/sqlDatabases/containers`) as Bag[])
        if (id.endsWith('/events')) properties.resource.defaultTtl = expires.defaultTtl
    })
    const finders = rulesFor(services, topology).filter((rule) => finds(rule, template))
    assert.deepEqual(
      finders.map(({ name }) => name),
      [LOGS],
    )
  })

  for (const [name, shown] of Object.entries(faults).filter(([name]) => name !== LOGS))
    it(`is needed, because no other finds a fault: ${name}`, (t) => {
      const found = Object.entries(shown).map(([what, fault]) => {
        const template = changed(fault)
        return [what, [...rules.values()].filter((rule) => finds(rule, template)).map((rule) => rule.name)] as const
      })
      const alone = found.filter(([, finders]) => finders.length === 1)
      assert.ok(alone.length > 0, found.map(([what, finders]) => `${what}: ${finders.join('; ')}`).join('\n'))
      t.diagnostic(`alone: ${alone.map(([what]) => what).join('; ')}`)
    })
})

/** A changed copy of an existing assignment: another scope, role or principal. */
const granted = (end: string, change: (assignment: Bag, resources: Bag[]) => void): Fault =>
  function grant(resources) {
    const model = selectType(resources, assignments).find(({ properties }) =>
      String(properties?.roleDefinitionId).endsWith(end),
    )
    const assignment = structuredClone(model ?? assert.fail(`the role ${end} is not assigned`)) as Bag
    change(assignment, resources)
    resources.push(assignment)
  }

const sender = '2b629674-e913-4c01-ae53-ef4638d8f975'
const at = (scope: string, assignment: Bag): void => {
  assignment.id = `${scope}/providers/${assignments}/${crypto.randomUUID()}`
}

describe('the role matrix', () => {
  for (const [what, line, fault] of [
    [
      'a sender to all hubs of the namespace',
      /^too much: ordering may send hub (inventory|payments|shipping)$/,
      granted(sender, (assignment, resources) => at(one(resources, hubs).id, assignment)),
    ],
    [
      'a sender to all of the resource group',
      /^too much: ordering may send hub (inventory|payments|shipping)$/,
      granted(sender, (assignment, resources) =>
        at(one(resources, hubs).id.replace(/\/providers\/.*/, ''), assignment),
      ),
    ],
    [
      'a role that can assign rights',
      /has an unknown role$/,
      granted(sender, ({ properties }) => {
        properties.roleDefinitionId = properties.roleDefinitionId.replace(
          sender,
          '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
        )
      }),
    ],
    [
      'a right on a resource that is not deployed',
      /^a role of ordering at .* covers no deployed resource$/,
      granted(sender, (assignment, resources) => at(`${one(resources, hubs).id}-too`, assignment)),
    ],
    [
      'a right of an unknown principal',
      /is assigned to an unknown principal$/,
      granted(sender, ({ properties }) => {
        properties.principalId = crypto.randomUUID()
      }),
    ],
    [
      'a right of the parameters’ principal, in production',
      /^too much: person may send hub ordering$/,
      granted(sender, ({ properties }) => {
        properties.principalId = '00000000-0000-0000-0000-000000000002'
      }),
    ],
    [
      'a right to read the archives of others',
      /^too much: ordering may read blobs archive\/archive-(?!ordering)\w+$/,
      granted(sender, (assignment, resources) => {
        const role = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
        assignment.properties.roleDefinitionId = assignment.properties.roleDefinitionId.replace(sender, role)
        at(one(resources, `${blobs}/containers`, '/archive-ordering').id.replace(/\/blobServices\/.*/, ''), assignment)
      }),
    ],
    [
      'a right to use the keys of others',
      /^too much: shipping may (read|wrap) key ordering$/,
      granted('e147488a-f6f5-4113-8e2d-b22465e65bf6', (assignment, resources) => {
        const reader = selectType(resources, assignments).find(({ properties }) =>
          JSON.stringify(properties).includes('id-shipping'),
        ) as Bag
        assignment.properties.principalId = reader.properties.principalId
      }),
    ],
    [
      'a granted reader that may wrap',
      /^too much: shipping may wrap key ordering$/,
      (resources) => {
        for (const { properties } of selectType(resources, 'Microsoft.Authorization/roleDefinitions') as Bag[])
          for (const { dataActions } of properties.permissions)
            if (dataActions.includes('Microsoft.KeyVault/vaults/keys/unwrap/action'))
              dataActions.push('Microsoft.KeyVault/vaults/keys/wrap/action')
      },
    ],
    [
      'a right to delete a key of a person',
      /^too much: ordering may sqlDatabases\/containers\/items\/delete container ordering\/keys$/,
      (resources) => {
        for (const { properties } of selectType(resources, `${cosmos}/sqlRoleDefinitions`) as Bag[])
          if (properties.roleName === 'Tidemark key keeper')
            properties.permissions[0].dataActions.push(`${cosmos}/sqlDatabases/containers/items/delete`)
      },
    ],
    [
      'a right to change a log',
      /^too much: \w+ may sqlDatabases\/containers\/items\/replace container \w+\/events$/,
      (resources) => {
        for (const { properties } of selectType(resources, `${cosmos}/sqlRoleDefinitions`) as Bag[])
          for (const { dataActions } of properties.permissions)
            if (dataActions.length > 1 && !dataActions.some((action: string) => action.endsWith('/replace')))
              dataActions.push(`${cosmos}/sqlDatabases/containers/items/replace`)
      },
    ],
    [
      'a right to all actions',
      /^too much: \w+ may sqlDatabases\/containers\/items\/\* /,
      of(`${cosmos}/sqlRoleDefinitions`, ({ permissions }) => {
        permissions[0].dataActions.push(`${cosmos}/sqlDatabases/containers/items/*`)
      }),
    ],
    [
      'a right on the whole account',
      /^too much: \w+ may \S+ (container|database) /,
      of(`${cosmos}/sqlRoleAssignments`, (properties) => {
        properties.scope = properties.scope.replace(/\/dbs\/.*/, '')
      }),
    ],
    [
      'a built-in role of Cosmos DB',
      /has a role that is not deployed$/,
      of(`${cosmos}/sqlRoleAssignments`, (properties) => {
        properties.roleDefinitionId = properties.roleDefinitionId.replace(
          /[^/]+$/,
          '00000000-0000-0000-0000-000000000002',
        )
      }),
    ],
  ] satisfies readonly (readonly [string, RegExp, Fault])[])
    it(`shows ${what}`, () => {
      const differences = matrixDifferences(changed(fault), services, false)
      assert.ok(differences.length > 0)
      assert.ok(
        differences.some((each) => line.test(each)),
        differences.join('\n'),
      )
    })
})
