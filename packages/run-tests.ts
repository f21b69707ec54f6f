import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { longestFirst } from './test-support/longest-tests.ts'

/**
 * `node packages/run-tests.ts GLOB…`: runs test files like `node --test`, which sorts files by their name and
 * has no other order: https://nodejs.org/api/test.html#runoptions
 */

/** More files than CI has processors, because a test of the running system waits half of its time. */
const CONCURRENCY = 4
/** Of each file: four large ones share two processors. A wait ends earlier: packages/test-support/wait.ts. */
const TIMEOUT_MS = 1_200_000

// Half of the time of a command goes into stripping types and compiling. All processes of a run share the result:
// https://nodejs.org/api/module.html#module-compile-cache
const compiled = mkdtempSync(join(tmpdir(), 'tidemark-compiled-'))
process.env.NODE_COMPILE_CACHE ??= compiled
process.on('exit', () => rmSync(compiled, { recursive: true, force: true }))
process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143))

const files = longestFirst(globSync(process.argv.slice(2), { exclude: ['**/node_modules/**'] }))
if (files.length === 0) throw new Error(`no test file matches ${process.argv.slice(2).join(' ')}`)

// Only a whole run in which nothing failed is a success.
process.exitCode = 1
run({ files, concurrency: CONCURRENCY, timeout: TIMEOUT_MS })
  .on('test:summary', ({ file, success }) => {
    if (file === undefined && success) process.exitCode = 0
  })
  .compose(spec)
  .pipe(process.stdout)
