import type { Topology } from 'tidemark/tools'
import { at, listAt, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

const VAULTS = 'Microsoft.KeyVault/vaults'

/** What every vault has. */
const CLOSED = {
  enableRbacAuthorization: true,
  enabledForDeployment: false,
  enabledForDiskEncryption: false,
  enabledForTemplateDeployment: false,
} as const

/** The keys that wrap the keys of personal data. */
export const keyRules = (topology: Topology): readonly Rule[] => {
  const owners = topology.databases
    .filter(({ containers }) => containers.some(({ name }) => name === 'keys'))
    .map(({ name }) => name)
  const rules: readonly Rule[] = [
    {
      name: 'each service with personal data has a key that only wraps and unwraps',
      check: ({ predictedResources }) => {
        const keys = selectType(predictedResources, `${VAULTS}/keys`)
        const names = keys.map(({ id }) => id.split('/').at(-1))
        const wrong = keys.filter(
          (key) =>
            at(key, 'properties.kty') !== 'RSA' ||
            !(Number(at(key, 'properties.keySize')) >= 2048) ||
            listAt(key, 'properties.keyOps').toSorted().join() !== 'unwrapKey,wrapKey',
        )
        return {
          looked: keys.length,
          wrong: [
            ...wrong.map(({ id }) => `${id} is of another kind`),
            ...(names.toSorted().join() === owners.toSorted().join() ? [] : [`the keys are ${names.join()}`]),
          ],
        }
      },
    },
    {
      name: 'only roles open the vault, and what is deleted there can be recovered',
      check: ({ predictedResources }) => {
        const vaults = selectType(predictedResources, VAULTS)
        const isPermanent = selectType(predictedResources, 'Microsoft.Authorization/locks').length > 0
        const wrong = vaults.flatMap((vault) => [
          ...Object.entries(CLOSED)
            .filter(([name, value]) => at(vault, `properties.${name}`) !== value)
            .map(([name]) => `${vault.id}: ${name} is ${String(at(vault, `properties.${name}`))}`),
          ...(at(vault, 'properties.tenantId') === '[tenant().tenantId]' ? [] : [`${vault.id} is of another tenant`]),
          ...(at(vault, 'properties.enableSoftDelete') === true ? [] : [`${vault.id} deletes for good`]),
          ...(Number(at(vault, 'properties.softDeleteRetentionInDays')) >= (isPermanent ? 90 : 7)
            ? []
            : [`${vault.id} keeps deleted keys for too short`]),
          // Elsewhere it would keep the vault's name from a new environment.
          ...((at(vault, 'properties.enablePurgeProtection') === true) === isPermanent
            ? []
            : [`${vault.id} has the wrong purge protection`]),
        ])
        return { looked: vaults.length, wrong: vaults.length === 1 ? wrong : [...wrong, `${vaults.length} vaults`] }
      },
    },
  ]
  // Without personal data there is no vault.
  return owners.length > 0
    ? rules
    : [
        {
          name: 'without personal data there is no vault',
          check: ({ predictedResources }) => ({
            looked: predictedResources.length,
            wrong: selectType(predictedResources, VAULTS).map(({ id }) => `${id} is not needed`),
          }),
        },
      ]
}
