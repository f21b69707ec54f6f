import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { type Deployed, deployed, selectType } from './support/deployed.ts'

// mutations.deep.test.ts takes out; here something is put in or changed, at least once for each rule, so that
// one that is gone is missed.

// biome-ignore lint/suspicious/noExplicitAny: whatever Azure Resource Manager takes.
type Bag = any
type Fault = (resources: Bag[], outputs: Bag) => void

const hubs = 'Microsoft.EventHub/namespaces'
const cosmos = 'Microsoft.DocumentDB/databaseAccounts'
const storage = 'Microsoft.Storage/storageAccounts'
const blobs = `${storage}/blobServices`
const sites = 'Microsoft.Web/sites'
const network = 'Microsoft.Network'
const insights = 'Microsoft.Insights'
const workspaces = 'Microsoft.OperationalInsights/workspaces'
const assignments = 'Microsoft.Authorization/roleAssignments'
const locked = 'Microsoft.Authorization/locks'

/** The first resource of a type whose id ends so. */
function one(resources: Bag[], type: string, end = ''): Bag {
  return (
    resources.find((each) => each.type === type && each.id.endsWith(end)) ?? assert.fail(`there is no ${type} ${end}`)
  )
}

/** A fault of one resource: what is wrong with its properties. */
const of =
  (type: string, change: (properties: Bag, resource: Bag) => void, end = ''): Fault =>
  (resources) => {
    const resource = one(resources, type, end)
    change(resource.properties, resource)
  }

/** A resource more, like one that is there. */
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
  // A list of its own: what is in one is known by its type once for all.
  return { predictedResources: [...predictedResources], outputs }
}

const faults: Readonly<Record<string, Readonly<Record<string, Fault>>>> = {
  'databases and containers are those of the topology, as it has them': {
    'a container that nobody declared': another(
      `${cosmos}/sqlDatabases/containers`,
      (container) => {
        container.id += '-too'
      },
      '/events',
    ),
    'a log that is indexed whole': of(
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
    'a list whose index goes the other way': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => {
        resource.indexingPolicy.compositeIndexes[0].at(-1).order = 'ascending'
      },
      '/order',
    ),
  },
  'every service has its anchors, and what its host keeps': {
    'a container that nobody needs': another(`${blobs}/containers`, (container) => {
      container.id += '-too'
    }),
  },
  'hubs and consumer groups are those of the topology': {
    'a group too many': another(`${hubs}/eventhubs/consumergroups`, (group) => {
      group.id += '-too'
    }),
    'a hub that forgets earlier': of(`${hubs}/eventhubs`, ({ retentionDescription }) => {
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
  'logs are read by those who may read what they are of': {
    'whoever may read the workspace': of(workspaces, ({ features }) => {
      features.enableLogAccessUsingOnlyResourcePermissions = false
    }),
  },
  'logs are kept': {
    'for a week': of(workspaces, (workspace) => {
      workspace.retentionInDays = 7
    }),
  },
  'TLS 1.2': {
    'an app that takes 1.0': of(sites, ({ siteConfig }) => {
      siteConfig.minTlsVersion = '1.0'
    }),
  },
  'nothing anonymous': {
    'a container that all may read': of(`${blobs}/containers`, (container) => {
      container.publicAccess = 'Blob'
    }),
  },
  'what is deleted comes back': {
    'for a day alone': of(blobs, ({ containerDeleteRetentionPolicy }) => {
      containerDeleteRetentionPolicy.days = 1
    }),
    'from a backup now and then': of(cosmos, ({ backupPolicy }) => {
      backupPolicy.type = 'Periodic'
    }),
  },
  'one log': {
    'that two regions write': of(cosmos, (account) => {
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
  'no connection string in any setting or output, but the address of telemetry': {
    'a setting of another kind': setting('CosmosConnection', 'AccountEndpoint=https://a/;Key=b'),
    'telemetry sent somewhere else': setting(
      'APPLICATIONINSIGHTS_CONNECTION_STRING',
      'InstrumentationKey=b;IngestionEndpoint=https://example.com/',
    ),
    'an output': (_, outputs) => {
      outputs.CONNECTION_STRING = 'here'
    },
  },
  'every connection of an app is by its identity': {
    'by a key': setting('AzureWebJobsStorage', 'UseDevelopmentStorage=true'),
    "by another app's": (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      const find = (site: Bag) =>
        site.properties.siteConfig.appSettings.find(({ name }: Bag) => name === 'CosmosConnection__clientId')
      find(mine).value = find(other).value
    },
  },
  'no public access where private networking is on': {
    'to the log': of(cosmos, (account) => {
      account.publicNetworkAccess = 'Enabled'
    }),
  },
  'behind every public endpoint that is closed, its own rules close it once more': {
    'an account that lets all in': of(storage, ({ networkAcls }) => {
      networkAcls.defaultAction = 'Allow'
    }),
    'an account that lets all of Azure in': of(storage, ({ networkAcls }) => {
      networkAcls.bypass = 'AzureServices'
    }),
  },
  'subnets let through what is listed here, and nothing else': {
    'a denial that comes first': of(`${network}/networkSecurityGroups`, ({ securityRules }) => {
      securityRules.find(({ properties }: Bag) => properties.access === 'Deny').properties.priority = 100
    }),
    'a denial to some alone': of(`${network}/networkSecurityGroups`, ({ securityRules }) => {
      securityRules.find(({ properties }: Bag) => properties.access === 'Deny').properties.sourceAddressPrefix =
        '10.0.0.0/8'
    }),
    'a way out': of(
      `${network}/networkSecurityGroups`,
      ({ securityRules }) => {
        const [rule] = securityRules
        securityRules.push({ ...rule, name: 'Out', properties: { ...rule.properties, destinationAddressPrefix: '*' } })
      },
      'nsg-private-endpoints',
    ),
  },
  'everything that holds data is reached by a private endpoint that has a name in the network': {
    'an endpoint of something else': of(`${network}/privateEndpoints`, ({ privateLinkServiceConnections }) => {
      privateLinkServiceConnections[0].properties.groupIds = ['table']
    }),
  },
  'telemetry is in the private link scope, which takes it from nowhere else': {
    'a scope that is open': of(`${insights}/privateLinkScopes`, ({ accessModeSettings }) => {
      accessModeSettings.ingestionAccessMode = 'Open'
    }),
  },
  'every app goes out through a subnet of its own that is delegated to it': {
    "through another app's": (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      mine.properties.virtualNetworkSubnetId = other.properties.virtualNetworkSubnetId
    },
  },
  'what happens to every resource is told to the workspace': {
    'no workspace at all': (resources) => {
      resources.splice(resources.indexOf(one(resources, workspaces)), 1)
    },
    'to another one': of(`${insights}/diagnosticSettings`, (diagnostics) => {
      diagnostics.workspaceId += '-too'
    }),
  },
  'what the alert on large streams reads is written': {
    'to a table that it does not read': (resources) => {
      const account = one(resources, cosmos)
      const found = selectType(resources, `${insights}/diagnosticSettings`).find(({ id }) => id.startsWith(account.id))
      ;(found as Bag).properties.logAnalyticsDestinationType = 'AzureDiagnostics'
    },
  },
  'every alert is on, looks at something and tells the operators': {
    'an alert that is off': of(`${insights}/metricAlerts`, (alert) => {
      alert.enabled = false
    }),
    'a log alert that looks elsewhere': of(`${insights}/scheduledQueryRules`, (alert) => {
      alert.scopes = [`${alert.scopes[0]}-too`]
    }),
  },
  'every resource says which environment it is of': {
    'another one': of(sites, (_, site) => {
      site.tags['azd-env-name'] = 'other'
    }),
  },
  'azd finds one app for each service': {
    'two of one': of(sites, (_, site) => {
      site.tags['azd-service-name'] = 'shipping'
    }),
  },
  'nothing in a log ever expires, and it is found by its stream': {
    'after a year': of(
      `${cosmos}/sqlDatabases/containers`,
      ({ resource }) => {
        resource.defaultTtl = 31_536_000
      },
      '/events',
    ),
  },
  'anchors cannot be changed or removed': {
    'but appended to': of(`${blobs}/containers/immutabilityPolicies`, (policy) => {
      policy.allowProtectedAppendWrites = true
    }),
  },
  'anchors are encrypted twice and keep what is overwritten or deleted': {
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
  'every app has an identity of its own, and no other': {
    'and that of another': (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      Object.assign(mine.identity.userAssignedIdentities, other.identity.userAssignedIdentities)
    },
  },
  'no app takes a publishing password': {
    'but over FTP': of(
      `${sites}/basicPublishingCredentialsPolicies`,
      (policy) => {
        policy.allow = true
      },
      '/ftp',
    ),
  },
  'an app with an app registration answers nobody without a token': {
    'but anybody': of(`${sites}/config`, ({ globalValidation }) => {
      globalValidation.unauthenticatedClientAction = 'AllowAnonymous'
    }),
    'tokens of any tenant': of(`${sites}/config`, ({ identityProviders }) => {
      const { registration } = identityProviders.azureActiveDirectory
      registration.openIdIssuer = 'https://login.microsoftonline.com/common/v2.0'
    }),
  },
  'hubs, partitions, consumer groups, retention and throughput are within the tier': {
    'more partitions than there are': of(`${hubs}/eventhubs`, (hub) => {
      hub.partitionCount = 33
    }),
    'more groups than a tier has': (resources) => {
      for (let index = 0; index < 20; index++)
        another(`${hubs}/eventhubs/consumergroups`, (group) => {
          group.id += `-${index}`
        })(resources, {})
    },
    'more units than a namespace inflates to': of(hubs, (namespace) => {
      namespace.maximumThroughputUnits = 41
    }),
    'more units than a namespace takes': of(hubs, (namespace, { sku }) => {
      sku.capacity = 41
      namespace.maximumThroughputUnits = 0
    }),
    'a tier that there is not': of(hubs, (_, { sku }) => {
      Object.assign(sku, { name: 'Free', tier: 'Free' })
    }),
    'more hubs than a namespace has': (resources) => {
      for (let index = 0; index < 10; index++)
        another(`${hubs}/eventhubs`, (hub) => {
          hub.id += `-${index}`
        })(resources, {})
    },
    'events that are kept for longer than a week': of(`${hubs}/eventhubs`, ({ retentionDescription }) => {
      retentionDescription.retentionTimeInHours = 169
    }),
  },
  'databases, containers and throughput are within what Cosmos DB takes': {
    'a step that there is not': of(`${cosmos}/sqlDatabases`, ({ options }) => {
      options.autoscaleSettings.maxThroughput = 1500
    }),
    'more views than share the throughput of a database': (resources) => {
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
  'the bound on staleness is one that Cosmos DB takes for so many regions': {
    'that of one region, for two': of(cosmos, ({ locations, consistencyPolicy }) => {
      Object.assign(consistencyPolicy, { maxStalenessPrefix: 10, maxIntervalInSeconds: 5 })
      locations.push({ locationName: 'northeurope', failoverPriority: 1 })
    }),
  },
  'apps are of a size that Flex Consumption has, and a zone-redundant one is warm in two zones': {
    'in one zone alone': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.alwaysReady[0].instanceCount = 1
    }),
    'with nothing warm in either': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.alwaysReady = []
    }),
    'on the plan of another': (resources) => {
      const [mine, other] = selectType(resources, sites) as Bag[]
      mine.properties.serverFarmId = other.properties.serverFarmId
    },
    'of an odd size': of(sites, ({ functionAppConfig }) => {
      functionAppConfig.scaleAndConcurrency.instanceMemoryMB = 1024
    }),
  },
  'apps have nothing but what Flex Consumption is known to take': {
    'what it refuses': of(sites, ({ siteConfig }) => {
      siteConfig.ftpsState = 'Disabled'
    }),
    'what it refuses, without a value': of(sites, ({ siteConfig }) => {
      siteConfig.linuxFxVersion = null
    }),
    'a way out that it takes by itself': of(sites, (site) => {
      site.outboundVnetRouting = { allTraffic: true }
    }),
    'a property that nobody has looked up': of(sites, (site) => {
      site.endToEndEncryptionEnabled = true
    }),
    'one of its configuration': of(sites, ({ siteConfig }) => {
      siteConfig.webSocketsEnabled = true
    }),
    'the language where it was elsewhere': setting('FUNCTIONS_WORKER_RUNTIME', 'node'),
    'a package that is run from, in small letters': setting('website_run_from_package', '1'),
    'a setting that nobody has looked up': setting('AzureWebJobsSecretStorageType', 'files'),
  },
  'logs and anchors that are kept are locked against deletion, and nothing else is': {
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
    'where the environment is to be taken down again': of(cosmos, ({ backupPolicy }) => {
      backupPolicy.continuousModeProperties.tier = 'Continuous7Days'
    }),
  },
  'names are such as Azure takes': {
    'a name that is too long': of(storage, (_, account) => {
      account.name = 's'.repeat(25)
    }),
  },
}

describe('a rule', () => {
  const rules = new Map(rulesFor(services).map((rule) => [rule.name, rule]))

  it('is each of these, and each is shown a fault here', () =>
    assert.deepEqual([...rules.keys()].toSorted(), Object.keys(faults).toSorted()))

  for (const [name, shown] of Object.entries(faults))
    for (const [what, fault] of Object.entries(shown))
      it(`finds: ${name}; ${what}`, () => {
        const { looked, wrong } = rules.get(name)?.check(changed(fault)) ?? assert.fail('there is no such rule')
        assert.ok(looked > 0 && wrong.length > 0)
      })
})

/** An assignment like one that is there, to another scope or somebody else. */
const granted = (end: string, change: (assignment: Bag, resources: Bag[]) => void): Fault =>
  function grant(resources) {
    const model = selectType(resources, assignments).find(({ properties }) =>
      String(properties?.roleDefinitionId).endsWith(end),
    )
    const assignment = structuredClone(model ?? assert.fail(`no role ${end} is given`)) as Bag
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
      'a role that may give rights to others',
      /is of an unknown role$/,
      granted(sender, ({ properties }) => {
        properties.roleDefinitionId = properties.roleDefinitionId.replace(
          sender,
          '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
        )
      }),
    ],
    [
      'a right on what is not deployed here',
      /^a role of ordering at .* is about nothing that is deployed$/,
      granted(sender, (assignment, resources) => at(`${one(resources, hubs).id}-too`, assignment)),
    ],
    [
      'a right of somebody unknown',
      /is given to somebody unknown$/,
      granted(sender, ({ properties }) => {
        properties.principalId = crypto.randomUUID()
      }),
    ],
    [
      'a right of whoever the parameters name, in production',
      /^too much: person may send hub ordering$/,
      granted(sender, ({ properties }) => {
        properties.principalId = '00000000-0000-0000-0000-000000000002'
      }),
    ],
    [
      'anchors that a service may read',
      /^too much: ordering may read blobs anchors\/anchors-\w+$/,
      granted(sender, (assignment, resources) => {
        const role = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
        assignment.properties.roleDefinitionId = assignment.properties.roleDefinitionId.replace(sender, role)
        at(one(resources, `${blobs}/containers`, '/anchors-ordering').id.replace(/\/blobServices\/.*/, ''), assignment)
      }),
    ],
    [
      'a log that may be changed',
      /^too much: \w+ may sqlDatabases\/containers\/items\/replace container \w+\/events$/,
      (resources) => {
        for (const { properties } of selectType(resources, `${cosmos}/sqlRoleDefinitions`) as Bag[])
          for (const { dataActions } of properties.permissions)
            if (dataActions.length > 1 && !dataActions.some((action: string) => action.endsWith('/replace')))
              dataActions.push(`${cosmos}/sqlDatabases/containers/items/replace`)
      },
    ],
    [
      'everything at once',
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
      /is of a role that is not deployed$/,
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
