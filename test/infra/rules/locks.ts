import { at, selectType } from '../support/deployed.ts'
import type { Rule } from './rule.ts'

const LOCK = '/providers/Microsoft.Authorization/locks/'

/** What nobody deletes by mistake. */
export const lockRules: readonly Rule[] = [
  {
    // An environment whose logs can be restored for 30 days is one that somebody means to keep. Others are to
    // be taken down again.
    name: 'logs and anchors that are kept are locked against deletion, and nothing else is',
    check: ({ predictedResources }) => {
      const accounts = selectType(predictedResources, 'Microsoft.DocumentDB/databaseAccounts')
      const isKept = accounts.some(
        (account) => at(account, 'properties.backupPolicy.continuousModeProperties.tier') === 'Continuous30Days',
      )
      const anchors = selectType(predictedResources, 'Microsoft.Storage/storageAccounts').filter(({ id }) =>
        predictedResources.some((each) => each.id.startsWith(`${id}/`) && /\/containers\/anchors-/.test(each.id)),
      )
      const locks = selectType(predictedResources, 'Microsoft.Authorization/locks')
      const locked = locks.map(({ id }) => id.slice(0, id.indexOf(LOCK)))
      const expected = isKept ? [...accounts, ...anchors].map(({ id }) => id) : []
      const wrong = [
        ...expected.filter((id) => !locked.includes(id)).map((id) => `${id} is not locked`),
        // Of a group it would also stop Azure from tidying up deployments, and at 800 of them nothing can be deployed.
        ...locked.filter((id) => !expected.includes(id)).map((id) => `${id} is locked`),
        // ReadOnly would keep a provision from changing anything.
        ...locks.filter((lock) => at(lock, 'properties.level') !== 'CanNotDelete').map(({ id }) => `${id} is no lock`),
      ]
      return { looked: accounts.length + anchors.length, wrong }
    },
  },
]
