import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const FUNCTIONS = /^Node \S+ is too old: the functions need Node 22 or newer$/
const SOURCES = /^Node \S+ is too old: the sources need Node 22\.18 or newer\. [^\n]+$/

/** The complete output of a Node program. */
function runNode(node: string, ...args: readonly string[]): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout, stderr } = spawnSync(node, args, { cwd: root, encoding: 'utf8', env })
  return `${stdout ?? ''}${stderr ?? ''}`.trim()
}

const functionFiles = readdirSync(join(root, 'functions'))

/** Loads the first, published import of every file of functions/, and returns the error if it fails. */
const loads = (node: string, before: readonly string[] = []): string => {
  const file = pathToFileURL(join(root, 'packages/tidemark/dist/serve.js')).href
  const code = `import(${JSON.stringify(file)})
    .then(() => console.log('loaded'), ({ message }) => console.log(message))`
  return runNode(node, ...before, '--input-type=module', '--eval', code)
}

/** A Node below 22 on the machine, besides that of the package `node`. */
const old = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .map((folder) => join(folder, 'node'))
  .find((node) => Number(/^v(\d+)\./.exec(runNode(node, '--version'))?.[1] ?? Number.POSITIVE_INFINITY) < 22)
// It is optional, also in CI, because the tests with a pretended version show the same.
const needsOld = { skip: old === undefined && 'there is no Node below 22 on PATH' }

describe('a Node below 22', () => {
  it('is refused before any other code of a file of functions/ runs', () => {
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

  it('is checked by every npm script that runs a source file', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Readonly<Record<string, string>>
    }
    assert.match(scripts.build ?? '', /^node packages\/cli\/node-version\.js && /)
    const sources = Object.entries(scripts).filter(([name, script]) => /\.ts\b/.test(script) || name === 'test:file')
    assert.ok(sources.length > 20, `only ${sources.length} scripts were checked`)
    for (const [name, script] of sources)
      assert.match(
        script,
        /^(npm run -s build && |node (--import \.\/packages\/cli\/node-version\.js|packages\/cli\/node-version\.js &&) )/,
        name,
      )
  })

  it('is refused by the functions, by a command and by a build, in one line', needsOld, () => {
    const node = old ?? ''
    assert.match(loads(node), FUNCTIONS)
    assert.match(runNode(node, 'packages/cli/node-version.js'), SOURCES)
    assert.match(runNode(node, 'packages/cli/tidemark.js', 'show', 'order-1'), SOURCES)
  })
})
