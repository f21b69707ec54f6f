import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { services } from '../../packages/cli/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { deployedOf } from './support/variant.ts'
import { it } from './support/with-bicep.ts'

/** Lines of the template's source that security hangs on: a file, and the beginning of the line. */
const LINES: readonly (readonly [file: string, line: string])[] = [
  ['modules/event-hubs.bicep', 'disableLocalAuth:'],
  ['modules/event-hubs.bicep', 'minimumTlsVersion:'],
  ['modules/event-hubs.bicep', 'publicNetworkAccess:'],
  ['modules/cosmos.bicep', 'disableLocalAuth:'],
  ['modules/cosmos.bicep', 'disableKeyBasedMetadataWriteAccess:'],
  ['modules/cosmos.bicep', 'publicNetworkAccess:'],
  ['modules/cosmos.bicep', 'enableMultipleWriteLocations:'],
  ['modules/storage-account.bicep', 'allowSharedKeyAccess:'],
  ['modules/storage-account.bicep', 'publicNetworkAccess:'],
  ['modules/storage-account.bicep', 'allowBlobPublicAccess:'],
  ['modules/storage-account.bicep', 'isVersioningEnabled:'],
  ['modules/monitor.bicep', 'DisableLocalAuth:'],
  ['modules/function-app.bicep', 'httpsOnly:'],
  ['modules/function-app.bicep', 'virtualNetworkSubnetId:'],
]

describe('a line of the source that security hangs on', () => {
  for (const [file, line] of LINES)
    it(`is missed: ${line} in ${file}`, async () => {
      const template = await deployedOf('shapes.prod', async (read, write) => {
        const source = await read(file)
        const changed = source.replace(new RegExp(`^ *${line}.*\n`, 'm'), '')
        assert.notEqual(changed, source, 'there is no such line')
        await write(file, changed)
      })
      // It compiles still: it is a rule that misses the line, not Bicep.
      assert.ok(typeof template !== 'string', String(template))
      const wrong = [
        ...rulesFor(services).flatMap((rule) => rule.check(template).wrong),
        ...matrixDifferences(template, services, false),
      ]
      assert.notDeepEqual(wrong, [])
    })
})
