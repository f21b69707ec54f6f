import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readMarkdown } from '../../packages/test-support/markdown.ts'
import { listAlerts, listDocumentedTypes, listResourceTypes, listRunbooks } from '../support/infra-docs.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('runbooks', () => {
  const alert = (name: string, description: string) => ({
    predictedResources: [{ type: 'Microsoft.Insights/metricAlerts', name, properties: { description } }],
  })

  it('are checked: a missing one and an empty input fail', () => {
    assert.deepEqual([...listAlerts(alert('a', 'Bad. docs/operate.md#alert-cosmos-throttled'))], ['cosmos-throttled'])
    assert.throws(() => listAlerts(alert('a', 'Bad.')), /the alert a names no runbook/)
    assert.throws(() => listAlerts({ predictedResources: [] }), /no alert/)
    assert.deepEqual([...listRunbooks('<a id="alert-one"></a>\n## One\n## alert-two')], ['one'])
    assert.throws(() => listRunbooks('## Alert one'), /no runbook/)
  })
})

describe('resources', () => {
  it('are checked: an empty input fails', () => {
    const types = listDocumentedTypes('| resource | for |\n| --- | --- |\n| `Microsoft.Web/sites` an app | all |\n')
    assert.deepEqual([...types], ['microsoft.web/sites'])
    assert.throws(() => listDocumentedTypes('| an app | all |'), /no row/)
    assert.throws(() => listResourceTypes({ predictedResources: [] }), /no resource/)
  })
})

describe('links between documents', () => {
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'bench/README.md',
    ...['docs', 'packages'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.md'))
        .map((file) => join(folder, file)),
    ),
  ]

  it('lead to an existing file or folder, and to an existing heading or anchor', () => {
    let looked = 0
    for (const file of files)
      for (const link of readMarkdown(read(file)).links) {
        if (/^[a-z]+:/i.test(link)) continue
        looked += 1
        const [path = '', anchor] = link.split('#')
        const target = path === '' ? join(root, file) : resolve(root, dirname(file), path)
        const where = `${file}: ${link}`
        assert.ok(!relative(root, target).startsWith('..') && existsSync(target), `${where} leads nowhere`)
        if (anchor === undefined) continue
        assert.ok(statSync(target).isFile(), `${where} has an anchor in a folder`)
        assert.ok(readMarkdown(readFileSync(target, 'utf8')).anchors.has(anchor), `${where} is no heading there`)
      }
    assert.ok(looked > 20, `only ${looked} links were checked`)
  })

  it('use GitHub’s names for headings', () => {
    const { anchors, links } = readMarkdown(
      '# Put `it` off, 2 times!\n## Again\n## Again\n[a](b.md#c) `[no](code.md)`\n' +
        '```\n# no heading\n[no](x.md)\n```\n<a id="x-1"></a>\n',
    )
    assert.deepEqual([...anchors].toSorted(), ['again', 'again-1', 'put-it-off-2-times', 'x-1'])
    assert.deepEqual(links, ['b.md#c'])
  })
})
