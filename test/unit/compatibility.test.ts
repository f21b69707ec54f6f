import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TITLE = /\btest\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g

/** The titles of all tests below a folder, as they stand in the sources. */
async function titlesIn(folder: string): Promise<string[]> {
  const files = (await readdir(join(ROOT, folder), { recursive: true })).filter((name) => name.endsWith('.ts'))
  const sources = await Promise.all(files.map((name) => readFile(join(ROOT, folder, name), 'utf8')))
  return sources.flatMap((source) => [...source.matchAll(TITLE)].map(([, a, b, c]) => a ?? b ?? c ?? ''))
}

test('every row of the Event Hubs endpoint in docs/compatibility.md names tests that there are', async (t) => {
  const titles = [...(await titlesIn('test/local/eventhubs')), ...(await titlesIn('test/dotnet'))]
  const text = await readFile(join(ROOT, 'docs/compatibility.md'), 'utf8')
  const section = /^## The Event Hubs endpoint$(.*?)^## /ms.exec(text)?.[1] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !/^\| (Feature|---|\*\*)/.test(line))
  let named = 0
  for (const row of rows) {
    let rest = row.split(' | ').at(-1)?.replace(/ \|$/, '').trim() ?? ''
    if (rest === '–') continue
    assert.notEqual(rest, '', row)
    // Titles hold semicolons too: the longest one that fits is taken off the front.
    while (rest) {
      const fits = titles.filter((title) => rest === title || rest.startsWith(`${title}; `))
      const whole = fits.sort((a, b) => b.length - a.length)[0]
      assert.ok(whole, `no test has the title at the start of: ${rest}`)
      rest = rest.slice(whole.length).replace(/^; /, '')
      named++
    }
  }
  t.diagnostic(`${rows.length} rows name ${named} tests`)
  assert.ok(rows.length > 0 && named > 0)
})
