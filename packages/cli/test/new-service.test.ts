import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { extendedAzureYaml, extendedList } from '../new-service/files.ts'
import { namesOf } from '../new-service/names.ts'

const names = namesOf('gift-cards', 'card')
const file = (list: string): string =>
  `import { ordering } from './src/ordering/service.ts'\n\n/** All. */\nexport default defineConfig({ services: ${list} })\n`

describe('the list of services', () => {
  for (const [what, list] of [
    ['on one line', '[ordering, inventory]'],
    ['so long that it stands on several lines', '[\n  ordering,\n  inventory,\n]'],
  ] as const)
    it(`${what} has one more`, () => {
      const extended = extendedList(file(list), names)
      assert.match(extended, /^import \{ giftCards \} from '\.\/src\/gift-cards\/service\.ts'$/m)
      const [, services = ''] = /services: \[([^\]]*)\]/.exec(extended) ?? []
      assert.deepEqual(
        services.split(',').map((name) => name.trim()),
        ['ordering', 'inventory', 'giftCards'],
      )
    })

  it('is not touched where it is not written as it was made', () =>
    assert.throws(() => extendedList(file('all()'), names), /no list of services that can be extended/))
})

describe('azure.yaml', () => {
  const azure = readFileSync(new URL('../../../azure.yaml', import.meta.url), 'utf8')

  it('has one more service, made as the others are, and nothing else is changed', () => {
    const [before, { services, ...others }] = [parse(azure), parse(extendedAzureYaml(azure, names))]
    const { 'gift-cards': added, ...there } = services
    assert.deepEqual({ ...others, services: there }, before)
    const expected = JSON.parse(JSON.stringify(before.services.ordering).replaceAll('ordering', 'gift-cards'))
    assert.deepEqual(added, expected)
  })

  it('is not touched where it is not written as it was made', () =>
    assert.throws(() => extendedAzureYaml('services: {}\n', names), /no services that can be extended/))
})
