import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Change, finishUnfinished, isUnfinished, makeChanges } from '../../upgrade/write.ts'

const JOURNAL = 'infra/tidemark/unfinished.json'

const changes: readonly Change[] = [
  { path: 'a.txt', before: 'a', after: 'A' },
  { path: 'new/b.txt', before: undefined, after: 'B' },
  { path: 'c.txt', before: 'c', after: undefined },
  { path: 'z.txt', before: 'z', after: 'Z' },
]

function folderWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-write-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

function filesIn(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).toSorted()
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]))
}

const old = { 'a.txt': 'a', 'c.txt': 'c', 'own.txt': 'own', 'z.txt': 'z' }
const next = { 'a.txt': 'A', 'new/b.txt': 'B', 'own.txt': 'own', 'z.txt': 'Z' }

describe('changes of several files', () => {
  it('are not made at all if one of them fails', (t) => {
    const folder = folderWith(t, old)
    // A folder blocks the last change.
    mkdirSync(join(folder, 'z.txt.tidemark-upgrade'))
    assert.throws(() => makeChanges(folder, changes), { code: 'EISDIR' })
    assert.deepEqual(filesIn(folder), old)
    assert.equal(isUnfinished(folder), false)
  })

  it('are all made, and leave nothing else behind', (t) => {
    const folder = folderWith(t, old)
    makeChanges(folder, changes)
    assert.deepEqual(filesIn(folder), next)
  })

  const journal = JSON.stringify(changes.map(({ path, before = null, after = null }) => ({ path, before, after })))

  it('that were interrupted are finished, wherever that was', (t) => {
    const steps = [old, { ...old, 'a.txt': 'A' }, { ...old, ...next }, next]
    for (const files of steps) {
      const folder = folderWith(t, { ...files, [JOURNAL]: journal })
      assert.equal(isUnfinished(folder), true)
      assert.deepEqual(
        finishUnfinished(folder),
        changes.map(({ path }) => path),
      )
      assert.deepEqual(filesIn(folder), next)
    }
  })

  it('that were interrupted are not finished over later edits', (t) => {
    const edited = { ...old, 'z.txt': 'mine', [JOURNAL]: journal }
    const folder = folderWith(t, edited)
    assert.throws(() => finishUnfinished(folder), {
      name: 'UsageError',
      message: /interrupted, and z\.txt was edited since/,
    })
    assert.deepEqual(filesIn(folder), edited)
  })
})
