import { at, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

const LOCK = '/providers/Microsoft.Authorization/locks/'

/** Protection against deletion by mistake. */
export const lockRules: readonly Rule[] = [
  {
    // A restore window of 30 days marks a permanent environment. Others will be deleted.
    name: 'only permanent logs, archives and keys are locked against deletion',
    check: ({ predictedResources }) => {
      const accounts = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      const isKept = accounts.some(
        (account) => at(account, 'properties.backupPolicy.continuousModeProperties.tier') === 'Continuous30Days',
      )
      const archives = selectType(predictedResources, 'Microsoft.Storage/storageAccounts').filter(({ id }) =>
        predictedResources.some((each) => each.id.startsWith(`${id}/`) && /\/containers\/archive-/.test(each.id)),
      )
      const vaults = selectType(predictedResources, 'Microsoft.KeyVault/vaults')
      const locks = selectType(predictedResources, 'Microsoft.Authorization/locks')
      const locked = locks.map(({ id }) => id.slice(0, id.indexOf(LOCK)))
      const expected = isKept ? [...accounts, ...archives, ...vaults].map(({ id }) => id) : []
      const wrong = [
        ...expected.filter((id) => !locked.includes(id)).map((id) => `${id} is not locked`),
        // A lock on the group would also stop Azure from deleting old deployments. After 800 no new one is
        // possible.
        ...locked.filter((id) => !expected.includes(id)).map((id) => `${id} is locked`),
        // ReadOnly would stop a provision from changing anything.
        ...locks
          .filter((lock) => at(lock, 'properties.level') !== 'CanNotDelete')
          .map(({ id }) => `${id} has the wrong level`),
      ]
      return { looked: accounts.length + archives.length + vaults.length, wrong }
    },
  },
]
