import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const FUNCTIONS = /^Node \S+ is too old: the functions need Node 22 or newer$/
const SOURCES = /^Node \S+ is too old: the sources need Node 22\.18 or newer\. [^\n]+$/

/** What a program of Node says, all of it. */
function runNode(node: string, ...args: readonly string[]): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout, stderr } = spawnSync(node, args, { cwd: root, encoding: 'utf8', env })
  return `${stdout ?? ''}${stderr ?? ''}`.trim()
}

const functionFiles = readdirSync(join(root, 'functions'))

/** Loads what every file of functions/ imports first, as it is published, and says why it cannot. */
const loads = (node: string, before: readonly string[] = []): string => {
  const file = pathToFileURL(join(root, 'packages/tidemark/dist/serve.js')).href
  const code = `import(${JSON.stringify(file)}).then(() => console.log('loaded'), ({ message }) => console.log(message))`
  return runNode(node, ...before, '--input-type=module', '--eval', code)
}

/** A Node below 22 that the machine has besides the one of the package `node`. */
const old = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .find((node) => Number(/^v(\d+)\./.exec(runNode(node, '--version'))?.[1] ?? Number.POSITIVE_INFINITY) < 22)
// Nobody has to have one, in CI neither: the tests with a version that is made up hold the same.
const needsOld = { skip: old === undefined && 'there is no Node below 22 on PATH' }

describe('a Node that is too old', () => {
  it('is told before anything else of a file of functions/ is run', () => {
    assert.ok(functionFiles.length > 0)
    for (const file of functionFiles) {
      const [first] = readFileSync(join(root, 'functions', file), 'utf8').split('\n')
      assert.equal(first, "import { serve } from 'tidemark/azure-functions'", file)
    }
    const [first] = readFileSync(join(root, 'packages/tidemark/serve.ts'), 'utf8').split('\n')
    assert.equal(first, "import './azure-functions/node-version.ts'")
    const pretend = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.9.0' } })`
    assert.match(loads(process.execPath, ['--import', pretend]), FUNCTIONS)
  })

  it('is looked for by every script of npm that runs a source', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Readonly<Record<string, string>>
    }
    assert.match(scripts.build ?? '', /^node packages\/cli\/node-version\.js && /)
    const sources = Object.entries(scripts).filter(([name, script]) => /\.ts\b/.test(script) || name === 'test:file')
    assert.ok(sources.length > 20, `only ${sources.length} scripts were looked at`)
    for (const [name, script] of sources)
      assert.match(
        script,
        /^(npm run -s build && |node (--import \.\/packages\/cli\/node-version\.js|packages\/cli\/node-version\.js &&) )/,
        name,
      )
  })

  it('is told by the functions, by a command and by what builds, in one line', needsOld, () => {
    const node = old ?? ''
    assert.match(loads(node), FUNCTIONS)
    assert.match(runNode(node, 'packages/cli/node-version.js'), SOURCES)
    assert.match(runNode(node, 'packages/cli/tidemark.js', 'show', 'order-1'), SOURCES)
  })
})
