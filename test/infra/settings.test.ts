import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readSettings } from 'tidemark/azure-functions'
import { type Place, settings } from 'tidemark/tools'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const namesIn = (place: Place): string[] =>
  [...settings].filter(([, { setIn }]) => setIn.includes(place)).map(([name]) => name)

describe('the list of settings', () => {
  it('has every setting once, with its meaning, valid values and places', () => {
    assert.ok(settings.size > 20, `only ${settings.size} settings`)
    for (const [name, { meaning, mustBe, setIn, readBy }] of settings) {
      assert.match(meaning, /^[A-Z].*\.$/, name)
      assert.ok(mustBe.length > 3, name)
      assert.equal(new Set(setIn).size, setIn.length, name)
      // A setting that nobody sets is read by services, which have a default.
      if (setIn.length === 0) assert.equal(readBy, 'services', name)
    }
  })

  it('matches local.settings.sample.json, and each value is valid', () => {
    const { Values } = JSON.parse(read('local.settings.sample.json')) as { Values: Record<string, string> }
    assert.deepEqual(Object.keys(Values).toSorted(), namesIn('local').toSorted())
    for (const [name, value] of Object.entries(Values))
      assert.ok(settings.get(name)?.schema.safeParse(value).success, `${name} is ${value}`)
    assert.doesNotThrow(() => readSettings(Values))
  })

  it('matches the table in docs/deploy.md cell by cell', () => {
    const [, table = ''] = /<!-- settings -->([\s\S]*)<!-- \/settings -->/.exec(read('docs/deploy.md')) ?? []
    const [head, line, ...rows] = table
      .trim()
      .split('\n')
      .map((row) =>
        row
          .split('|')
          .map((cell) => cell.trim())
          .slice(1, -1),
      )
    assert.deepEqual(head, ['setting', 'what it is', 'must be', 'default', 'set in', 'read by'])
    assert.ok(line?.every((cell) => /^-+$/.test(cell)))
    const words = { local: 'the sample', azure: '`infra/`', platform: 'Azure' }
    assert.deepEqual(
      rows,
      [...settings].map(([name, { meaning, mustBe, unit, schema, setIn, readBy }]) => {
        const left = schema.safeParse(undefined)
        return [
          `\`${name}\``,
          meaning,
          unit === undefined ? mustBe : `${mustBe} (${unit})`,
          left.data === undefined ? '–' : `\`${left.data}\``,
          setIn.length === 0 ? '–' : setIn.map((place) => words[place]).join(', '),
          readBy === 'both' ? 'host, services' : readBy,
        ]
      }),
    )
  })
})
