import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../../', import.meta.url))
const project = fileURLToPath(new URL('../project/', import.meta.url))
const bin = mkdtempSync(join(tmpdir(), 'tidemark-bin-'))
after(() => rmSync(bin, { recursive: true }))
symlinkSync(join(root, 'packages/cli/tidemark.js'), join(bin, 'tidemark'))

/** Runs a script in bash, with `tidemark` and this test's Node on PATH. */
function bash(script: string): string {
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, PATH: [bin, join(process.execPath, '..'), process.env.PATH].join(delimiter) },
  })
  assert.deepEqual([status, stderr], [0, ''], stdout)
  return stdout
}

function tidemark(...args: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  return spawnSync(process.execPath, [join(root, 'packages/cli/tidemark.js'), ...args], {
    cwd: project,
    encoding: 'utf8',
  })
}

describe('completions', () => {
  it('complete commands, their subcommands, options and values in bash, also sourced twice', () => {
    const lines = [
      ['st'],
      ['parked', 're'],
      ['lag', '--se'],
      ['lag', '--service', ''],
      ['rebuild', 'ordering', 'sal'],
      ['completions', ''],
      ['show', '"$(touch evaluated)'],
    ]
    const asked = lines.map(
      (words) =>
        `COMP_WORDS=(tidemark ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; ` +
        `_tidemark; echo "\${COMPREPLY[*]}"`,
    )
    const setUp =
      `cd ${project}; source <(tidemark completions bash); source <(tidemark completions bash); ` +
      'complete -p tidemark'
    const [registered, ...completed] = bash(`${setUp}; ${asked.join('; ')}; ls`)
      .trimEnd()
      .split('\n')
    assert.equal(registered, 'complete -F _tidemark tidemark')
    assert.deepEqual(completed, [
      'start streams',
      'redrive',
      '--service',
      'ordering inventory payments shipping',
      'sales-by-product',
      'zsh bash fish powershell',
      '',
      // The typed command was not run: it created no file.
      'tidemark.config.ts',
    ])
  })

  it('exist for the other shells, but not for an unknown one', () => {
    for (const shell of ['zsh', 'fish', 'powershell']) {
      const { status, stdout } = tidemark('completions', shell)
      assert.equal(status, 0)
      assert.match(stdout, /tidemark complete/)
    }
    assert.equal(tidemark('completions', 'tcsh').status, 2)
  })
})
