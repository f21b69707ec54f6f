import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { it } from 'node:test'
import { removeStale } from '../project/remove-stale.ts'

it('a build removes deleted functions, and keeps files that have a source', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'tidemark-build-'))
  t.after(() => rmSync(root, { recursive: true }))
  const write = (path: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), '')
  }
  const there = (...paths: string[]): boolean[] => paths.map((path) => existsSync(join(root, path)))
  for (const path of ['functions/kept.ts', 'src/orders/kept.ts', 'packages/tidemark/moved.ts', 'dist/.tsbuildinfo'])
    write(path)
  for (const name of [
    'functions/kept',
    'functions/gone',
    'src/orders/kept',
    'src/gone/gone',
    'packages/tidemark/moved',
  ])
    for (const end of ['js', 'js.map']) write(`dist/${name}.${end}`)

  assert.deepEqual(
    [...removeStale(root)].sort(),
    ['dist/functions/gone.js', 'dist/packages/tidemark/moved.js', 'dist/src/gone/gone.js'].map((path) => join(path)),
  )
  const kept = ['dist/functions/kept.js', 'dist/functions/kept.js.map', 'dist/src/orders/kept.js', 'dist/.tsbuildinfo']
  assert.deepEqual(there(...kept), [true, true, true, true])
  assert.deepEqual(there('dist/functions/gone.js', 'dist/functions/gone.js.map', 'dist/src/gone/gone.js'), [
    false,
    false,
    false,
  ])
  assert.deepEqual(removeStale(root), [])
})
