import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const bin = mkdtempSync(join(tmpdir(), 'tidemark-bin-'))
after(() => rmSync(bin, { recursive: true }))
symlinkSync(join(root, 'packages/cli/tidemark.js'), join(bin, 'tidemark'))

const VERSION = '7.6.9'

/**
 * PowerShell as a .NET tool. It is installed once, and takes 200 MB.
 * https://learn.microsoft.com/powershell/scripting/install/alternate-install-methods
 */
function powerShell(): string {
  const folder = join(root, 'node_modules/.cache/powershell', VERSION)
  const program = join(folder, 'pwsh')
  if (existsSync(program)) return program
  const args = ['tool', 'install', 'PowerShell', '--version', VERSION, '--tool-path', folder]
  const { status, stdout, stderr } = spawnSync('dotnet', args, { encoding: 'utf8' })
  assert.equal(status, 0, `dotnet ${args.join(' ')}: ${stdout}${stderr}`)
  return program
}

test('completions are the same in PowerShell as in bash, and do not run what was typed', () => {
  const curly = '\u2018'
  const lines = [
    'tidemark st',
    'tidemark parked re',
    'tidemark lag --service ',
    'tidemark lag --service=ord',
    "tidemark rebuild 'ordering' sal",
    'tidemark show "$(New-Item evaluated)"',
    `tidemark show x${curly};New-Item(${curly}curly${curly});${curly}`,
  ]
  const asked = `[Console]::In.ReadToEnd() -split '\n' | ForEach-Object {
      $found = TabExpansion2 -inputScript $_ -cursorColumn $_.Length
      ($found.CompletionMatches | ForEach-Object CompletionText) -join ' '
    }`
  const script = `tidemark completions powershell | Out-String | Invoke-Expression; ${asked}; Get-ChildItem -Name`
  const { stdout, stderr } = spawnSync(powerShell(), ['-NoProfile', '-Command', script], {
    ...{ encoding: 'utf8', cwd: bin, input: lines.join('\n') },
    env: {
      ...process.env,
      // It is built for an older .NET than the one installed here.
      DOTNET_ROLL_FORWARD: 'Major',
      PATH: [bin, join(process.execPath, '..'), process.env.PATH].join(delimiter),
      NO_COLOR: '1',
    },
  })
  assert.equal(stderr, '')
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    'start streams',
    'redrive',
    'ordering inventory payments shipping',
    '--service=ordering',
    'sales-by-product',
    '',
    '',
    'tidemark',
  ])
})
