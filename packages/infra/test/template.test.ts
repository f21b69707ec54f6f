import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { tidemark } from '../../cli/tidemark/program.ts'
import { readTemplate } from '../../cli/upgrade/template.ts'
import { Command } from '../../test-support/command.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const template = readTemplate(fileURLToPath(new URL('../', import.meta.url)))

describe('the template', () => {
  it("matches the repository's own copy: npm run upgrade", async () => {
    const { code, output } = await new Command('packages/cli/tidemark.js', ['upgrade', '--check'], {}, root).ended
    assert.equal(code, 0, output)
    assert.match(output, /^nothing to do$/m)
  })

  it("has exactly the files of the repository's infra/tidemark, each once", (t) => {
    t.diagnostic(`${template.own.size} files, ${template.started.size} that a project begins with`)
    assert.ok(template.own.size > 15 && template.started.size > 5)
    for (const [path, text] of template.own) assert.equal(readFileSync(`${root}${path}`, 'utf8'), text, path)
    for (const path of template.started.keys()) assert.ok(!template.own.has(path), path)
  })

  it('has the same version as tidemark and its commands', () => {
    for (const folder of ['tidemark', 'cli', 'create-tidemark'])
      assert.equal(JSON.parse(readFileSync(`${root}packages/${folder}/package.json`, 'utf8')).version, template.version)
  })

  it("names only existing commands in a project's scripts", () => {
    const commands = tidemark().commands.map((command) => command.name())
    const named = Object.values(template.scripts).flatMap((script) => /^tidemark (\S+)$/.exec(script)?.[1] ?? [])
    assert.ok(named.length > 10, `only ${named.length} were looked at`)
    for (const name of named) assert.ok(commands.includes(name), `there is no tidemark ${name}`)
  })
})
