import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listCodeBlocks } from '../../packages/test-support/documented-code.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const blocks = listCodeBlocks(readFileSync(join(root, 'docs/testing.md'), 'utf8'))
const listTexts = (info: string): string[] => blocks.filter((block) => block.info === info).map(({ text }) => text)

describe('docs/testing.md', () => {
  // A folder in which the document's imports lead to the repository's files.
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-documented-'))
  after(() => rmSync(copy, { recursive: true, force: true }))
  const folder = join(copy, 'test')
  mkdirSync(folder, { recursive: true })
  for (const name of ['src', 'packages', 'node_modules']) symlinkSync(join(root, name), join(copy, name))
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
  const passing = listTexts('ts').join('\n')
  writeFileSync(join(folder, 'passing.test.ts'), passing)
  writeFileSync(join(folder, 'failing.test.ts'), [passing, ...listTexts('ts fails')].join('\n'))

  const run = (...args: string[]) => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env })
    return { status, output: stdout + stderr }
  }

  it('has passing examples', () => {
    const { status, output } = run('--test', '--test-reporter=tap', join(folder, 'passing.test.ts'))
    assert.equal(status, 0, output)
    assert.equal(Number(/^# pass (\d+)/m.exec(output)?.[1]), passing.match(/^it\(/gm)?.length)
    assert.ok(listTexts('ts').length >= 5)
  })

  it('shows the printed failure exactly', () => {
    const { status, output } = run('--test', '--test-reporter=spec', join(folder, 'failing.test.ts'))
    assert.equal(status, 1, output)
    assert.match(output, /^ℹ fail 1$/m)
    const [said = 'a failure'] = listTexts('text')
    for (const line of said.trimEnd().split('\n')) assert.ok(output.includes(line), `not printed: ${line}\n${output}`)
  })

  it('has examples that pass the type checker', () => {
    const compilerOptions = { rootDir: '/', typeRoots: [join(root, 'node_modules/@types')] }
    writeFileSync(
      join(copy, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['test'] }),
    )
    const { status, output } = run(join(root, 'node_modules/typescript/bin/tsc'), '-p', copy)
    assert.equal(status, 0, output)
  })
})
