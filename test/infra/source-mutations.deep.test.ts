import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences, rulesFor } from './rules/check.ts'
import { compileVariant } from './support/variant.ts'
import { it } from './support/with-bicep.ts'

/** Lines of the template's source that affect security: a file, and the beginning of the line. */
const LINES: readonly (readonly [file: string, line: string])[] = [
  ['tidemark/modules/event-hubs.bicep', 'disableLocalAuth:'],
  ['tidemark/modules/event-hubs.bicep', 'minimumTlsVersion:'],
  ['tidemark/modules/event-hubs.bicep', 'publicNetworkAccess:'],
  ['tidemark/modules/cosmos.bicep', 'disableLocalAuth:'],
  ['tidemark/modules/cosmos.bicep', 'disableKeyBasedMetadataWriteAccess:'],
  ['tidemark/modules/cosmos.bicep', 'publicNetworkAccess:'],
  ['tidemark/modules/cosmos.bicep', 'enableMultipleWriteLocations:'],
  ['tidemark/modules/storage-account.bicep', 'allowSharedKeyAccess:'],
  ['tidemark/modules/storage-account.bicep', 'publicNetworkAccess:'],
  ['tidemark/modules/storage-account.bicep', 'allowBlobPublicAccess:'],
  ['tidemark/modules/storage-account.bicep', 'isVersioningEnabled:'],
  ['tidemark/modules/monitor.bicep', 'DisableLocalAuth:'],
  ['tidemark/modules/function-app.bicep', 'httpsOnly:'],
  ['tidemark/modules/function-app.bicep', 'virtualNetworkSubnetId:'],
]

describe('a source line that affects security', () => {
  for (const [file, line] of LINES)
    it(`cannot be removed: ${line} in ${file}`, async () => {
      const template = await compileVariant('shapes.prod', async (read, write) => {
        const source = await read(file)
        const changed = source.replace(new RegExp(`^ *${line}.*\n`, 'm'), '')
        assert.notEqual(changed, source, 'there is no such line')
        await write(file, changed)
      })
      // The template still compiles, so a rule notices the missing line, not Bicep.
      assert.ok(typeof template !== 'string', String(template))
      const wrong = [
        ...rulesFor(services).flatMap((rule) => rule.check(template).wrong),
        ...matrixDifferences(template, services, false),
      ]
      assert.notDeepEqual(wrong, [])
    })
})
