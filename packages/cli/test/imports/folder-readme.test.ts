import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withRow } from '../../imports/folder-readme.ts'

const row = {
  path: 'packages/stock/',
  is: 'counts stock ([docs/stock.md](docs/stock.md))',
  mayImport: ['`packages/kit/`', 'Node'],
}
const TEXT = 'Counts stock ([docs/stock.md](../../docs/stock.md)). May import: `packages/kit/`, Node.'
const VISIBLE = `<!-- imports.cjs -->\n\n${TEXT}\n\n<!-- /imports.cjs -->`

describe("a folder's README.md", () => {
  it('gets the new row in place of an old one, and keeps all else', () => {
    const old = withRow('# Stock\n\nMore.\n', { ...row, is: 'old', mayImport: [] }, false)
    assert.equal(withRow(old, row, false), `# Stock\n\n${VISIBLE}\n\nMore.\n`)
  })

  it('hides the row in a comment where the package is published', () => {
    const readme = withRow(`# Stock\n\n${VISIBLE}\n\nMore.\n`, row, true)
    assert.equal(readme, `# Stock\n\n<!-- imports.cjs\n\n${TEXT}\n\n/imports.cjs -->\n\nMore.\n`)
    assert.equal(withRow(readme, row, true), readme)
  })

  it('is made where there is none', () => assert.equal(withRow('', row, false), `# packages/stock\n\n${VISIBLE}\n`))
})
