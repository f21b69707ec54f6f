import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { OPERATIONS } from '../../cosmos/api/operations.ts'
import { ROUTES } from '../../cosmos/routes.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TITLE = /\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g

/** Returns the titles of all tests below a folder, as written in the sources. */
async function titlesIn(folder: string): Promise<string[]> {
  const files = (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith('.ts'))
  const sources = await Promise.all(files.map((name) => readFile(join(ROOT, folder, name), 'utf8')))
  return sources.flatMap((source) => [...source.matchAll(TITLE)].map(([, a, b, c]) => a ?? b ?? c ?? ''))
}

/** Returns the table rows of a section. Their last column names tests. */
async function readRows(heading: string): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, 'docs/compatibility.md'), 'utf8')
  const [, section = ''] = new RegExp(`^${heading}$(.*?)(^#{2,3} |$(?![^]))`, 'ms').exec(text) ?? []
  return section
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (Feature|Operation|Semantics|-+|\*\*)/.test(line))
}

/** Asserts that all tests named by the rows exist. @returns the number of named tests. */
function checkTests(rows: readonly string[], titles: readonly string[]): number {
  let named = 0
  for (const row of rows) {
    let rest = row.split(' | ').at(-1)?.replace(/ \|$/, '').trim() ?? ''
    if (rest === '–') continue
    assert.notEqual(rest, '', row)
    // Titles may have semicolons, so remove the longest matching title from the front.
    while (rest) {
      const fits = titles.filter((title) => rest === title || rest.startsWith(`${title}; `))
      const whole = fits.sort((a, b) => b.length - a.length)[0]
      assert.ok(whole, `no test has the title at the start of: ${rest}`)
      rest = rest.slice(whole.length).replace(/^; /, '')
      named++
    }
  }
  return named
}

async function readTitles(...folders: string[]): Promise<readonly string[]> {
  return (await Promise.all(folders.map(titlesIn))).flat()
}

test('every row of the local Functions host in docs/compatibility.md names existing tests', async (t) => {
  const rows = await readRows('## The local Functions host')
  const named = checkTests(rows, await readTitles('packages/functions-host/test', 'packages/test-support/dotnet'))
  t.diagnostic(`${rows.length} rows name ${named} tests`)
  assert.ok(rows.length > 0 && named > 0)
})

test('every row of the Event Hubs emulator in docs/compatibility.md names existing tests', async (t) => {
  const rows = await readRows('## The Event Hubs endpoint')
  const named = checkTests(rows, await readTitles('packages/event-hubs/test', 'packages/test-support/dotnet'))
  t.diagnostic(`${rows.length} rows name ${named} tests`)
  assert.ok(rows.length > 0 && named > 0)
})

const COSMOS_TESTS = ['packages/cosmos/test', 'packages/test-support/dotnet', 'packages/functions-host/test']

test('every feature of the Cosmos DB emulator in docs/compatibility.md names existing tests', async (t) => {
  const rows = await readRows('### Features')
  const named = checkTests(rows, await readTitles(...COSMOS_TESTS))
  t.diagnostic(`${rows.length} rows name ${named} tests`)
  assert.ok(rows.length > 0 && named > 0)
})

test("the requests in docs/compatibility.md are the Cosmos DB emulator's routes, with existing tests", async (t) => {
  const rows = await readRows('### Requests')
  const documented = rows.map((row) => {
    const [, operation, method, path] = /^\| (\S+) +\| `(\S+) \/(\S*)`/.exec(row) ?? []
    return `${operation} ${method} ${path}`
  })
  assert.deepEqual(
    documented,
    ROUTES.map(({ operation, method, path }) => `${operation} ${method} ${path}`),
  )
  assert.deepEqual([...ROUTES.map(({ operation }) => operation)].sort(), [...OPERATIONS].sort())
  const named = checkTests(rows, await readTitles(...COSMOS_TESTS))
  t.diagnostic(`${rows.length} requests name ${named} tests`)
  assert.equal(named, ROUTES.length)
})
