import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { LONGEST, longestFirst } from '../../packages/test-support/longest-tests.ts'
import { faultsInCmd, faultsInPowerShell } from '../support/shells.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Step {
  readonly run?: string
  readonly shell?: string
}

/** The workflow steps that run in PowerShell: those on Windows, or on any system, without another shell. */
function listPowerShell(workflow: string): readonly string[] {
  const { jobs } = parse(workflow) as {
    jobs: Readonly<Record<string, { readonly 'runs-on'?: unknown; readonly steps?: readonly Step[] }>>
  }
  return Object.values(jobs).flatMap(({ 'runs-on': on = '', steps = [] }) => {
    const findShell = ({ shell }: Step): string => shell ?? (/^(ubuntu|macos)-/.test(String(on)) ? 'bash' : 'pwsh')
    return steps.flatMap((step) => (step.run !== undefined && findShell(step) === 'pwsh' ? [step.run] : []))
  })
}

interface Hooked {
  readonly hooks?: Readonly<Record<string, { readonly windows?: { readonly run: string } }>>
}

/** The hooks that azd runs on Windows. @throws if a hook has no variant for Windows. */
function listWindowsHooks(azure: string): readonly string[] {
  const { services = {}, hooks = {} } = parse(azure) as Hooked & {
    readonly services?: Readonly<Record<string, Hooked>>
  }
  return [{ hooks }, ...Object.values(services)].flatMap((each) =>
    Object.entries(each.hooks ?? {}).map(([name, { windows }]) => {
      assert.ok(windows, `the hook ${name} has nothing for Windows`)
      return windows.run
    }),
  )
}

describe('the scripts that run tests', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }
  const listFiles = (name: string): readonly string[] => {
    const globs = [...(scripts[name] ?? '').matchAll(/"([^"]*\.ts)"/g)].map(([, glob = '']) => glob)
    return globSync(globs, { cwd: root, exclude: ['**/node_modules/**'] })
  }

  it('cover every test once, in `test` or in `test:deep`; `test:all` is both, and `test:fast` part of `test`', () => {
    const [all, deep, fast] = [listFiles('test'), listFiles('test:deep'), listFiles('test:fast')]
    const tests = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.test.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
    // The others run by `npm run test:dotnet`.
    const expected = tests
      .trim()
      .split('\n')
      .filter((path) => !path.startsWith('packages/test-support/dotnet/'))
    assert.deepEqual([...all, ...deep].toSorted(), expected.toSorted())
    assert.ok(all.length > 150 && deep.length > 10 && fast.length > 50)
    assert.deepEqual(
      fast.filter((path) => !all.includes(path)),
      [],
    )
    for (const path of deep) assert.match(path, /\.deep\.test\.ts$/)
    assert.deepEqual(listFiles('test:all').toSorted(), expected.toSorted())
    assert.deepEqual(longestFirst(expected).slice(0, LONGEST.length), LONGEST, 'each of the longest exists')
    console.log(`# ${all.length} files, ${fast.length} of them fast, and ${deep.length} deep`)
  })
})

describe('a shell command', () => {
  it('of any package.json means the same in cmd as in sh', () => {
    const files = execFileSync('git', ['ls-files', 'package.json', '*/package.json'], { cwd: root, encoding: 'utf8' })
    let looked = 0
    for (const file of files.trim().split('\n')) {
      const { scripts = {} } = JSON.parse(read(file)) as { scripts?: Readonly<Record<string, string>> }
      for (const [name, script] of Object.entries(scripts)) {
        looked += 1
        assert.deepEqual(faultsInCmd(script), [], `${name} of ${file}: ${script}`)
      }
    }
    assert.ok(looked > 40, `only ${looked} scripts were checked`)
  })

  it('of azure.yaml and of jobs on Windows means the same in PowerShell as in sh', () => {
    const hooks = listWindowsHooks(read('azure.yaml'))
    assert.ok(hooks.length > 5, `only ${hooks.length} hooks were checked`)
    const workflows = readdirSync(join(root, '.github', 'workflows'))
    assert.ok(workflows.length > 1)
    const steps = workflows.flatMap((file) => listPowerShell(read(join('.github', 'workflows', file))))
    for (const line of [...hooks, ...steps]) assert.deepEqual(faultsInPowerShell(line), [], line)
  })

  it('of .vscode/ names an existing script', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> }
    const texts = ['launch.json', 'tasks.json'].map((file) => read(join('.vscode', file)))
    const { configurations } = JSON.parse(texts[0] ?? '') as { configurations: { runtimeArgs?: readonly string[] }[] }
    const { tasks } = JSON.parse(texts[1] ?? '') as { tasks: { script?: string; command?: string }[] }
    const named = [
      ...configurations.flatMap(({ runtimeArgs: [command, script] = [] }) => (command === 'run' ? script : [])),
      ...tasks.map(({ script, command = '' }) => script ?? /^npm run (\S+)/.exec(command)?.[1]),
    ]
    assert.ok(named.length > 3)
    for (const script of named) assert.ok(script && script in scripts, `there is no script ${script}`)
  })

  const inCmd: readonly (readonly [script: string, fault: RegExp])[] = [
    ["node --test 'test/**/*.test.ts'", /single quotes/],
    ['node main.ts $PORT', /^\$/],
    ['node main.ts `date`', /^\$/],
    ['node main.ts %PORT%', /%NAME%/],
    ['NODE_ENV=test node main.ts', /^NODE_ENV=test before/],
    ['npm run build && A=1 node main.ts', /^A=1 before/],
    ['npm run build; node main.ts', /; does not separate commands/],
    ['node cloud.ts & node main.ts', /& runs one/],
    ['./node_modules/.bin/tsc -b', /tsc: a program's path/],
    ['node a.ts && bin/tidemark', /tidemark: a program's path/],
    ['node --test test/**/*.test.ts', /\*\*.*sh expands it/],
    ['node --test test/{unit,flow}', /\{unit,flow\}.*sh expands it/],
    ['rm -rf dist && tsc', /^rm is/],
    ['tsc && cp -r a b', /^cp is/],
    ['node main.ts || kill 1', /^kill is/],
    ['node main.ts > /dev/null', /no \/dev/],
    ['node main.ts \\\n --port 1', /does not continue/],
  ]
  for (const [script, fault] of inCmd)
    it(`with a planted fault for cmd is reported: ${JSON.stringify(script)}`, () =>
      assert.match(faultsInCmd(script).join(' '), fault))

  it('has no fault in cmd with double quotes, && and paths of sources', () => {
    for (const script of [
      'node --test "test/{unit,flow}/**/*.test.ts"',
      'npm run -s build && node --import ./packages/cli/node-version.js packages/cli/start.ts',
      'npm run -s schemas -- --check',
    ])
      assert.deepEqual(faultsInCmd(script), [], script)
  })

  const inPowerShell: readonly (readonly [script: string, fault: RegExp])[] = [
    ['npm run -s bundle -- --service ordering', /-- is kept/],
    ['npm run bundle $SERVICE', /^\$/],
    ['A=1 npm run bundle', /^A=1 before/],
    ['rm -rf bundles', /^rm is/],
    ['npm run bundle &', /& calls/],
    ['npm run bundle > /dev/null', /no \/dev/],
    ['npm run bundle \\\n  --service ordering', /does not continue/],
  ]
  for (const [script, fault] of inPowerShell)
    it(`with a planted fault for PowerShell is reported: ${JSON.stringify(script)}`, () =>
      assert.match(faultsInPowerShell(script).join(' '), fault))

  it('is found in hooks and in jobs on Windows, and a hook without a Windows variant is reported', () => {
    assert.throws(() => listWindowsHooks('hooks: { preprovision: { posix: { run: a } } }'), /preprovision has nothing/)
    assert.deepEqual(listWindowsHooks('services: { a: { hooks: { prepackage: { windows: { run: b } } } } }'), ['b'])
    const job = (on: string, shell = ''): string => `jobs: { a: { runs-on: ${on}, steps: [{ run: b${shell} }] } }`
    assert.deepEqual(listPowerShell(job('windows-latest')), ['b'])
    assert.deepEqual(listPowerShell(job('[self-hosted, any]')), ['b'])
    assert.deepEqual(listPowerShell(job('windows-latest', ', shell: bash')), [])
    assert.deepEqual(listPowerShell(job('ubuntu-latest')), [])
  })
})
