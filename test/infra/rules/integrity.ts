import { at, listAt, listIdentities, type Resource, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

const containers = 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers'
const blobContainers = 'Microsoft.Storage/storageAccounts/blobServices/containers'

const named = (resources: readonly Resource[], type: string, name: RegExp): readonly Resource[] =>
  selectType(resources, type).filter((resource) => name.test(resource.id))

/** Written data stays unchanged. */
export const integrityRules: readonly Rule[] = [
  {
    name: 'a log never expires and is partitioned by stream',
    check: ({ predictedResources }) => {
      const logs = named(predictedResources, containers, /\/containers\/events$/)
      const wrong = logs.flatMap((log) => [
        ...((at(log, 'properties.resource.defaultTtl') ?? null) === null ? [] : [`${log.id} expires`]),
        ...(JSON.stringify(at(log, 'properties.resource.partitionKey.paths')) === '["/stream"]'
          ? []
          : [`${log.id} is not partitioned by stream`]),
      ])
      return { looked: logs.length, wrong }
    },
  },
  {
    // Not in an environment that will be deleted: the policy would prevent that.
    name: 'the segments of an archive cannot be changed or removed',
    check: ({ predictedResources }) => {
      const isTrial = selectType(predictedResources, 'Microsoft.Network/virtualNetworks').length === 0
      const archives = named(predictedResources, blobContainers, /\/containers\/archive-[\w-]+$/)
      const policies = selectType(predictedResources, `${blobContainers}/immutabilityPolicies`)
      if (isTrial)
        return { looked: archives.length, wrong: policies.map(({ id }) => `${id} keeps a trial environment`) }
      const wrong = archives.flatMap(({ id, ...archive }) => {
        const policy = policies.find((each) => each.id.startsWith(`${id}/`))
        const days = at(policy, 'properties.immutabilityPeriodSinceCreationInDays')
        return [
          ...(at(archive, 'properties.immutableStorageWithVersioning.enabled') === true
            ? []
            : [`${id} has no version-level immutability`]),
          ...(typeof days === 'number' && days >= 1 ? [] : [`${id} has no immutability policy`]),
          ...(at(policy, 'properties.allowProtectedAppendWrites') === false &&
          at(policy, 'properties.allowProtectedAppendWritesAll') === false
            ? []
            : [`${id} can be appended to`]),
        ]
      })
      return { looked: archives.length, wrong }
    },
  },
  {
    name: 'archives are encrypted twice and keep overwritten and deleted blobs',
    check: ({ predictedResources }) => {
      const kept = named(predictedResources, blobContainers, /\/containers\/archive-[\w-]+$/)
      const services = new Set(kept.map(({ id }) => id.replace(/\/containers\/[^/]+$/, '')))
      const wrong = [...services].filter((service) => {
        const blobs = predictedResources.find(({ id }) => id === service)
        const account = predictedResources.find(
          ({ id }) => service.startsWith(`${id}/`) && /Accounts$/.test(id.split('/').at(-2) ?? ''),
        )
        const days = at(blobs, 'properties.deleteRetentionPolicy.days')
        return (
          at(blobs, 'properties.isVersioningEnabled') !== true ||
          at(blobs, 'properties.deleteRetentionPolicy.enabled') !== true ||
          !(typeof days === 'number' && days >= 7) ||
          at(account, 'properties.encryption.requireInfrastructureEncryption') !== true
        )
      })
      return { looked: kept.length, wrong }
    },
  },
  {
    // Each checkpoint would leave one behind, and listing them would slow down until consumers stand still.
    name: 'host storage keeps neither versions nor deleted blobs',
    check: ({ predictedResources }) => {
      const checkpoints = named(predictedResources, blobContainers, /\/containers\/azure-webjobs-eventhub$/)
      const wrong = checkpoints
        .map(({ id }) => predictedResources.find((each) => each.id === id.replace(/\/containers\/[^/]+$/, '')))
        .filter(
          (blobs) =>
            at(blobs, 'properties.isVersioningEnabled') !== false ||
            at(blobs, 'properties.deleteRetentionPolicy.enabled') !== false,
        )
      return { looked: checkpoints.length, wrong: wrong.map((blobs) => `${String(blobs?.id)} keeps checkpoints`) }
    },
  },
  {
    name: 'every app has exactly one identity, its own',
    check: ({ predictedResources }) => {
      const sites = selectType(predictedResources, 'Microsoft.Web/sites')
      const taken = new Set<string>()
      const wrong = sites.flatMap((site) => {
        const identities = listIdentities(site)
        const known = selectType(predictedResources, 'Microsoft.ManagedIdentity/userAssignedIdentities')
        const again = identities.filter((identity) => taken.has(identity))
        for (const identity of identities) taken.add(identity)
        const reader = 'properties.functionAppConfig.deployment.storage.authentication.userAssignedIdentityResourceId'
        return [
          ...(at(site, reader) === identities[0]
            ? []
            : [`${site.id}: its package is read by ${String(at(site, reader))}`]),
          ...(at(site, 'identity.type') === 'UserAssigned' ? [] : [`${site.id} has another kind of identity`]),
          ...(identities.length === 1 && known.some(({ id }) => id === identities[0])
            ? []
            : [`${site.id} has the identities ${identities.join()}`]),
          ...again.map((identity) => `${site.id} shares ${identity}`),
        ]
      })
      return { looked: sites.length, wrong }
    },
  },
  {
    name: 'no app accepts a publishing password',
    check: ({ predictedResources }) => {
      const policies = selectType(predictedResources, 'Microsoft.Web/sites/basicPublishingCredentialsPolicies')
      const sites = selectType(predictedResources, 'Microsoft.Web/sites')
      const wrong = sites.flatMap(({ id }) =>
        ['ftp', 'scm']
          .map((way) => `${id}/basicPublishingCredentialsPolicies/${way}`)
          .filter((way) => !policies.some((policy) => policy.id === way && at(policy, 'properties.allow') === false)),
      )
      return { looked: sites.length, wrong }
    },
  },
  {
    name: 'an app with an app registration answers only with a token',
    check: ({ predictedResources }) => {
      const settings = predictedResources.filter(({ id }) => id.endsWith('/config/authsettingsV2'))
      const wrong = settings.flatMap((auth) => [
        ...(at(auth, 'properties.platform.enabled') === true ? [] : [`${auth.id} is off`]),
        ...(at(auth, 'properties.globalValidation.requireAuthentication') === true
          ? []
          : [`${auth.id} does not require authentication`]),
        ...(at(auth, 'properties.globalValidation.unauthenticatedClientAction') === 'Return401'
          ? []
          : [`${auth.id} does not answer 401`]),
        ...(at(auth, 'properties.identityProviders.azureActiveDirectory.enabled') === true &&
        at(auth, 'properties.identityProviders.azureActiveDirectory.registration.clientId') &&
        listAt(auth, 'properties.identityProviders.azureActiveDirectory.validation.allowedAudiences').length > 0
          ? []
          : [`${auth.id} accepts any token`]),
        ...(at(auth, 'properties.httpSettings.requireHttps') === true ? [] : [`${auth.id} accepts HTTP`]),
        ...(String(at(auth, 'properties.identityProviders.azureActiveDirectory.registration.openIdIssuer')).includes(
          'tenantId',
        )
          ? []
          : [`${auth.id} accepts tokens of any tenant`]),
        ...(at(auth, 'properties.login.tokenStore.enabled') === false ? [] : [`${auth.id} stores tokens`]),
      ])
      // Either all apps of an environment require tokens, or none; function keys protect them in any case.
      const sites = selectType(predictedResources, 'Microsoft.Web/sites').length
      if (settings.length !== 0 && settings.length !== sites)
        wrong.push(`only ${settings.length} of ${sites} apps require a token`)
      return { looked: sites, wrong }
    },
  },
]
