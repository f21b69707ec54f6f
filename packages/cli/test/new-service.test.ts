import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { buildAzureYaml } from '../new-service/azure-yaml.ts'
import { buildFiles, extendedList } from '../new-service/files.ts'
import { parseNames } from '../new-service/names.ts'

const names = parseNames('gift-cards', 'card')
const file = (list: string): string =>
  "import { ordering } from './src/ordering/service.ts'\n\n" +
  `/** All. */\nexport default defineConfig({ services: ${list} })\n`

describe('the names of a service and its aggregate', () => {
  for (const [name, aggregate, message] of [
    ['Loyalty', 'entry', /^Loyalty cannot be the name of a service: use 1 to 30 lower-case letters, digits and single/],
    ['loyalty-', 'entry', /^loyalty- cannot be the name of a service/],
    ['gift--cards', 'entry', /^gift--cards cannot be the name of a service/],
    ['../loyalty', 'entry', /^\.\.\/loyalty cannot be the name of a service/],
    ['2nd', 'entry', /^2nd cannot be the name of a service/],
    ['l'.repeat(31), 'entry', /cannot be the name of a service/],
    ['', 'entry', /^ cannot be the name of a service/],
    ['loyalty', 'gift-card', /^gift-card cannot be the name of an aggregate: use 1 to 20 lower-case/],
    ['loyalty', 'a'.repeat(21), /cannot be the name of an aggregate/],
    ['class', 'entry', /^class is a reserved word/],
    ['loyalty', 'return', /^return is a reserved word/],
    ['loyalty', 'loyalty', /^loyalty and loyalty would get the same name/],
    ['entry-view', 'entry', /^entry and entryView would get the same name/],
    ['service', 'entry', /^service is a word in the code of a new service/],
    ['loyalty', 'document', /^document is a word in the code/],
  ] as const)
    it(`are refused: ${name.slice(0, 12)} and ${aggregate.slice(0, 12)}`, () =>
      assert.throws(() => buildFiles(parseNames(name, aggregate)), { message }))
})

describe('the list of services', () => {
  for (const [what, list] of [
    ['on one line', '[ordering, inventory]'],
    ['on several lines', '[\n  ordering,\n  inventory,\n]'],
  ] as const)
    it(`${what} gets one more`, () => {
      const extended = extendedList(file(list), names)
      assert.match(extended, /^import \{ giftCards \} from '\.\/src\/gift-cards\/service\.ts'$/m)
      const [, services = ''] = /services: \[([^\]]*)\]/.exec(extended) ?? []
      assert.deepEqual(
        services.split(',').map((name) => name.trim()),
        ['ordering', 'inventory', 'giftCards'],
      )
    })

  it('that is empty gets one', () => {
    const extended = extendedList(
      "import { defineConfig } from 'tidemark'\n\nexport default defineConfig({ services: [] })\n",
      names,
    )
    assert.match(extended, /^import \{ giftCards \} from '\.\/src\/gift-cards\/service\.ts'$/m)
    assert.match(extended, /services: \[giftCards\]/)
  })

  it('is not changed if it does not have the expected form', () =>
    assert.throws(() => extendedList(file('all()'), names), /no list of services that can be extended/))
})

describe('azure.yaml', () => {
  const azure = buildAzureYaml(readFileSync(new URL('../../../azure.yaml', import.meta.url), 'utf8'), [
    'ordering',
    'gone',
  ])
  const at = (services: readonly string[], text = azure) => parse(buildAzureYaml(text, services))

  it('gets one more service like the others, and nothing else changes', () => {
    const [before, { services, ...others }] = [parse(azure), at(['ordering', 'gone', 'gift-cards'])]
    const { 'gift-cards': added, ...there } = services
    assert.deepEqual({ ...others, services: there }, before)
    const expected = JSON.parse(JSON.stringify(before.services.ordering).replaceAll('ordering', 'gift-cards'))
    assert.deepEqual(added, expected)
  })

  it('loses services that are no longer listed, even the last; what follows them stays', () => {
    const { services, ...others } = parse(azure)
    assert.deepEqual(at(['ordering']), { ...others, services: { ordering: services.ordering } })
    const none = buildAzureYaml(azure, [])
    assert.deepEqual(parse(none), { ...others, services: {} })
    assert.deepEqual(at(['ordering', 'gone'], none), parse(azure))
  })

  it('keeps the user’s changes to a service, and entries that are not bundles', () => {
    const own = azure
      .replace('language: js', 'language: ts')
      .replace(/^services:\n/m, "services:\n  # The shop's page.\n  web:\n    project: web\n    host: staticwebapp\n")
    assert.ok(buildAzureYaml(own, ['ordering']).includes("  # The shop's page.\n"))
    const { services } = at(['ordering'], own)
    assert.deepEqual(services.web, { project: 'web', host: 'staticwebapp' })
    assert.equal(services.ordering.language, 'ts')
    assert.equal(services.gone, undefined)
  })

  it('stays unchanged if nothing changes, and may end with its services', () => {
    assert.equal(buildAzureYaml(azure, ['ordering', 'gone']), azure)
    const last = 'name: shop\nservices:\n'
    assert.deepEqual(Object.keys(at(['ordering'], last).services), ['ordering'])
  })

  it('is not changed if it has no services', () =>
    assert.throws(() => buildAzureYaml('name: shop\n', []), /no services that can be changed/))
})
