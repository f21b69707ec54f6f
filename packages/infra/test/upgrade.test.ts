import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Finding } from '../../cli/tidemark/doctor/finding.ts'
import { packPackage } from '../../pack.ts'
import { Command } from '../../test-support/command.ts'
import { linkNamed, manifestIn, namesIn, unpack } from '../../test-support/packed.ts'

/** The Tidemark packages of a project, by their folders in packages/. */
const INSTALLED = { tidemark: 'tidemark', cli: 'tidemark-cli', infra: 'tidemark-infra' } as const
const [MODULE, STAMP] = ['infra/tidemark/modules/event-hubs.bicep', 'infra/tidemark/version.json']
const TSC = ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json']
/** A file of the adopter's own. It has names of Tidemark, and the same words with other meanings. */
const OWN = `import * as tidemark from 'tidemark'
import { eventType } from 'tidemark'
import * as z from 'zod'

export { type EventOf } from 'tidemark'

export const describe = (eventType: string): string => \`the event \${eventType}\`
export const Own = eventType('Own', z.object({}))
export const Other = tidemark.eventType('Other', z.object({}))
`

const temporary = mkdtempSync(join(tmpdir(), 'tidemark-upgrade-'))
after(() => rmSync(temporary, { recursive: true, force: true }))

const env = { NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined }

type Edits = Readonly<Record<string, (text: string) => string>>

/** A replacement that fails if it finds nothing to replace. */
const replaced =
  (from: string | RegExp, to: string) =>
  (text: string): string => {
    const changed = text.replace(from, to)
    assert.notEqual(changed, text, `there is no ${from}`)
    return changed
  }

const json =
  <Value>(edit: (value: Value) => unknown) =>
  (text: string): string =>
    `${JSON.stringify(edit(JSON.parse(text)), null, 2)}\n`

/** The next version: small changes to a copy of the packed files. */
const NEXT: Readonly<Record<keyof typeof INSTALLED, Edits>> = {
  tidemark: {
    'dist/index.js': replaced(/\beventType\b(?=,)/, 'eventType as defineEvent'),
    'dist/index.d.ts': (text) =>
      replaced(
        'type EventOf,',
        'type EventOf as EventsOf,',
      )(replaced(/\beventType\b(?=,)/, 'eventType as defineEvent')(text)),
  },
  cli: {
    'dist/cli/upgrade/renames.js': replaced(
      'renames = [];',
      `renames = ${JSON.stringify([
        { version: '0.2.0', module: 'tidemark', name: 'eventType', to: 'defineEvent' },
        { version: '0.2.0', module: 'tidemark', name: 'EventOf', to: 'EventsOf' },
      ])};`,
    ),
    'package.json': replaced(/"(tidemark(-infra)?)": "0\.1\.0"/g, '"$1": "0.2.0"'),
  },
  infra: {
    'tidemark/modules/event-hubs.bicep': (text) => `// The next version.\n${text}`,
    'tidemark/modules/added.bicep': () => "output added string = 'yes'\n",
    'project/infra/main.bicep': (text) => `// The next version.\n${text}`,
    'project/infra/shapes.bicep': (text) => `// The next version.\n${text}`,
    'project/host.json': json<{ extensions: { eventHubs: object } }>((host) => ({
      ...host,
      functionTimeout: '00:05:00',
      extensions: { ...host.extensions, eventHubs: { ...host.extensions.eventHubs, prefetchCount: 4000 } },
    })),
    'project/local.settings.sample.json': replaced('"Values": {', '"Values": {\n    "TIDEMARK_CANARY": "true",'),
    'project.json': json<{ scripts: object }>((project) => ({
      ...project,
      scripts: { ...project.scripts, types: 'tsc -p tsconfig.json --pretty', doctor: 'tidemark doctor' },
    })),
  },
}

/** The folder of each unpacked package, by version. */
const unpackedAt = (version: string, name: string): string => join(temporary, version, name)

/** Packs and unpacks the next version of a package. */
function makeNext(folder: keyof typeof INSTALLED): void {
  const name = INSTALLED[folder]
  const copy = join(temporary, 'next', name)
  cpSync(unpackedAt('0.1.0', name), copy, { recursive: true })
  for (const [path, edit] of Object.entries(NEXT[folder])) {
    const file = join(copy, path)
    writeFileSync(file, edit(existsSync(file) ? readFileSync(file, 'utf8') : ''))
  }
  const manifest = join(copy, 'package.json')
  writeFileSync(manifest, replaced('"version": "0.1.0"', '"version": "0.2.0"')(readFileSync(manifest, 'utf8')))
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', copy, '--pack-destination', temporary, '--json'], { encoding: 'utf8' }),
  )
  unpack(join(temporary, filename), unpackedAt('0.2.0', name))
}

/** A project in a folder of its own, with the commands that run in it. */
class Project {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** A copy with the same files. */
  copy(name: string, version: '0.1.0' | '0.2.0'): Project {
    const folder = join(temporary, name)
    cpSync(this.folder, folder, { recursive: true, filter: (path) => !path.endsWith('node_modules') })
    const copy = new Project(folder)
    copy.install(version)
    return copy
  }

  /** Does what `npm install tidemark@VERSION tidemark-cli@VERSION` would do, with links instead of a registry. */
  install(version: '0.1.0' | '0.2.0'): void {
    rmSync(this.at('node_modules'), { recursive: true, force: true })
    symlinkSync(join(temporary, version, 'node_modules'), this.at('node_modules'))
  }

  at(path: string): string {
    return join(this.folder, path)
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8')
  }

  edit(path: string, edit: (text: string) => string): void {
    writeFileSync(this.at(path), edit(this.read(path)))
  }

  /** The text of each file, by path. */
  files(): Readonly<Record<string, string>> {
    const entries = readdirSync(this.folder, { withFileTypes: true }).filter(({ name }) => name !== 'node_modules')
    const paths = entries.flatMap((entry) =>
      entry.isFile()
        ? [entry.name]
        : readdirSync(this.at(entry.name), { recursive: true, withFileTypes: true })
            .filter((each) => each.isFile())
            .map((each) => join(each.parentPath, each.name).slice(this.folder.length + 1)),
    )
    return Object.fromEntries(paths.toSorted().map((path) => [path, this.read(path)]))
  }

  run(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
    return new Command(args[0] ?? '', args.slice(1), { ...env, ...more }, this.folder).ended
  }

  tidemark(args: readonly string[], more: NodeJS.ProcessEnv = {}) {
    return this.run([this.at('node_modules/tidemark-cli/dist/cli/tidemark.js'), ...args], more)
  }

  /** @returns the printed output. */
  async succeeds(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.run(args)
    assert.equal(code, 0, output)
    return output
  }

  async upgrade(code: number, args: readonly string[] = [], more: NodeJS.ProcessEnv = {}): Promise<string> {
    const ended = await this.tidemark(['upgrade', ...args], more)
    assert.equal(ended.code, code, ended.output)
    return ended.output
  }
}

const shop = new Project(join(temporary, 'my-shop'))

before(async () => {
  const packed = join(temporary, 'packed')
  for (const [folder, name] of Object.entries(INSTALLED)) {
    // `npm run types` checks the sources, and the other test of the packages packs them.
    unpack(await packPackage(folder, packed, ['--noCheck']), unpackedAt('0.1.0', name))
    makeNext(folder as keyof typeof INSTALLED)
  }
  const create = join(temporary, 'create')
  unpack(await packPackage('create-tidemark', packed), create)
  const made = await new Command(
    join(create, 'dist/create.js'),
    ['my-shop', '--service', 'billing', '--aggregate', 'invoice'],
    env,
    temporary,
  ).ended
  assert.equal(made.code, 0, made.output)
  for (const version of ['0.1.0', '0.2.0']) {
    const modules = join(temporary, version, 'node_modules')
    for (const name of Object.values(INSTALLED))
      cpSync(unpackedAt(version, name), join(modules, name), { recursive: true })
    const folders = [shop.folder, ...Object.values(INSTALLED).map((name) => join(modules, name))]
    linkNamed(
      join(temporary, version),
      folders.flatMap((folder) => namesIn(manifestIn(folder))),
    )
  }
  shop.install('0.1.0')
  writeFileSync(shop.at('src/billing/own.ts'), OWN)
  shop.edit('infra/shapes.bicep', replaced('queryWait: 30000', 'queryWait: 20000'))
  shop.edit('host.json', replaced('"maxEventBatchSize": 500', '"maxEventBatchSize": 100'))
  shop.edit('package.json', replaced('"build": "tsc', '"lint": "eslint .",\n    "build": "tsc'))
})

describe('a new project', () => {
  it('is up to date', async () => {
    const files = shop.files()
    assert.equal(await shop.upgrade(0, ['--check']), 'infra/tidemark is at 0.1.0, 0.1.0 is installed\nnothing to do\n')
    assert.equal(await shop.upgrade(0), 'nothing to do: the project is at 0.1.0, as installed\n')
    assert.deepEqual(shop.files(), files)
  })
})

describe('an impossible upgrade', () => {
  const refused = async (project: Project, code: number, line: RegExp, ...args: readonly string[]): Promise<void> => {
    const files = project.files()
    assert.match(await project.upgrade(code, args), line)
    assert.deepEqual(project.files(), files)
  }

  it('of an edited module shows the difference and writes nothing without --force', async () => {
    const project = shop.copy('edited', '0.2.0')
    project.edit(MODULE, (text) => `// Mine.\n${text}`)
    await refused(project, 1, /^tidemark upgrade changes nothing before that is settled$/m, '--check')
    await refused(project, 1, /^-\/\/ Mine\.\n\+\/\/ The next version\.$(.|\n)*^nothing was written: /m)
    assert.match(await project.upgrade(0, ['--force']), /^replaced infra\/tidemark\/modules\/event-hubs\.bicep, /m)
    assert.match(project.read(MODULE), /^\/\/ The next version\.\n(?!\/\/ Mine)/)
  })

  it('is explained in one line, and writes nothing', async () => {
    const project = shop.copy('refused', '0.2.0')
    await refused(project, 2, /^error: unknown option '--chekc'/, '--chekc')
    const stamp = project.read(STAMP)
    project.edit(STAMP, replaced('"version": "0.1.0"', '"version": "0.3.0"'))
    await refused(project, 2, /^the project is at 0\.3\.0, but the older 0\.2\.0 is installed: npm install\n$/)
    writeFileSync(project.at(STAMP), '{ "version": "0.1.0" }')
    await refused(project, 2, /^infra\/tidemark\/version\.json is not as Tidemark wrote it: .*\n$/)
    rmSync(project.at(STAMP))
    await refused(project, 2, /^there is no infra\/tidemark\/version\.json, so your edits are not known: .*\n$/)
    writeFileSync(project.at(STAMP), stamp)
    rmSync(project.at('tidemark.config.ts'))
    await refused(project, 2, /^there is no tidemark\.config\.ts here or in a folder above: .*\n$/)
  })

  it('is explained if the packages have two versions', async () => {
    const project = shop.copy('mixed', '0.2.0')
    rmSync(project.at('node_modules'))
    for (const [name, version] of [
      ['tidemark', '0.1.0'],
      ['tidemark-cli', '0.2.0'],
      ['tidemark-infra', '0.2.0'],
    ] as const)
      cpSync(unpackedAt(version, name), project.at(`node_modules/${name}`), { recursive: true })
    linkNamed(project.folder, namesIn(manifestIn(project.at('node_modules/tidemark-cli'))))
    await refused(
      project,
      2,
      /^tidemark 0\.1\.0 and tidemark-cli 0\.2\.0 are installed: npm install tidemark@0\.2\.0 tidemark-cli@0\.2\.0\n$/,
    )
  })
})

describe('an upgrade to the next version', () => {
  let project: Project
  before(() => {
    project = shop.copy('upgraded', '0.2.0')
  })

  it('is what other commands ask for if an old name is missing', async () => {
    const { code, err } = await project.tidemark(['lag'])
    assert.equal(code, 2, err)
    assert.match(
      err,
      /does not provide an export named '(eventType|EventOf)'\. .* tidemark upgrade writes its new names\n$/,
    )
  })

  it('is shown by --check with every difference, without writing', async () => {
    const files = project.files()
    const output = await project.upgrade(1, ['--check'])
    assert.match(output, /^infra\/tidemark is at 0\.1\.0, 0\.2\.0 is installed$/m)
    assert.match(output, /^\+\/\/ The next version\.$/m)
    assert.match(
      output,
      /^-import \{ type EventOf, eventType \} from 'tidemark'\n\+import \{ type EventsOf, defineEvent \}/m,
    )
    assert.match(output, /^tidemark upgrade does this$/m)
    assert.deepEqual(project.files(), files)
  })

  it("updates infra, host.json, settings, scripts and sources, and keeps the adopter's edits", async (t) => {
    const before = project.files()
    const output = await project.upgrade(0)
    const after = project.files()
    const changed = Object.keys(after).filter((path) => after[path] !== before[path])
    t.diagnostic(`${changed.length} of ${Object.keys(after).length} files`)
    assert.deepEqual(changed.toSorted(), [
      'host.json',
      'infra/main.bicep',
      ...['infra/tidemark/modules/added.bicep', MODULE, STAMP],
      'local.settings.sample.json',
      'package.json',
      ...['contract', 'events', 'own'].map((name) => `src/billing/${name}.ts`),
    ])
    const installed = (path: string): string => project.read(`node_modules/tidemark-infra/${path}`)
    assert.equal(after[MODULE], installed('tidemark/modules/event-hubs.bicep'))
    assert.equal(after['infra/main.bicep'], installed('project/infra/main.bicep'))
    assert.equal(
      after['host.json'],
      installed('project/host.json').replace('"maxEventBatchSize": 500', '"maxEventBatchSize": 100'),
    )
    assert.equal(JSON.parse(after['local.settings.sample.json'] ?? '').Values.TIDEMARK_CANARY, 'true')
    const { scripts, ...manifest } = JSON.parse(after['package.json'] ?? '')
    const { scripts: scriptsBefore, ...manifestBefore } = JSON.parse(before['package.json'] ?? '')
    assert.deepEqual(manifest, manifestBefore)
    assert.deepEqual(scripts, { ...scriptsBefore, types: 'tsc -p tsconfig.json --pretty', doctor: 'tidemark doctor' })
    assert.match(after['src/billing/own.ts'] ?? '', /\(eventType: string\): string => `the event \$\{eventType\}`/)
    assert.match(output, /^by hand {2}infra\/shapes\.bicep is yours, and Tidemark's has changed: compare it with /m)
    assert.match(output, /^renamed {2}src\/billing\/own\.ts: eventType of tidemark is defineEvent, 3 places$/m)
    assert.match(output, /^the project is at 0\.2\.0 now, and was at 0\.1\.0$/m)
    for (const path of changed) assert.ok(path === STAMP || output.includes(path), `${path} is not told`)
  })

  it('leaves a project whose types and tests are right', async () => {
    await project.succeeds(...TSC)
    assert.match(await project.succeeds('--test', '--test-reporter=tap', 'src/**/*.test.ts'), /^# pass 3$/m)
  })

  it('has nothing to do a second time', async () => {
    const files = project.files()
    assert.equal(await project.upgrade(0), 'nothing to do: the project is at 0.2.0, as installed\n')
    await project.upgrade(0, ['--check'])
    assert.deepEqual(project.files(), files)
  })

  it('is requested by the doctor, with the command, until it is made', async () => {
    const findings = async (): Promise<Readonly<Record<string, Finding>>> => {
      const all = JSON.parse((await project.tidemark(['doctor', '--json'])).out) as readonly Finding[]
      return Object.fromEntries(all.map((finding) => [finding.what, finding]))
    }
    const { 'infra/tidemark': made, 'infra/topology.json': topology } = await findings()
    assert.equal(made?.result, 'ok')
    // The project has never been started.
    assert.deepEqual([topology?.detail, topology?.todo], ['is missing', 'npm run topology'])
    project.edit(STAMP, replaced('"version": "0.2.0"', '"version": "0.1.0"'))
    const { result, detail, todo } = (await findings())['infra/tidemark'] ?? {}
    assert.deepEqual([result, detail], ['warning', 'at 0.1.0, 0.2.0 is installed'])
    assert.match(todo ?? '', /^npx tidemark upgrade /)
    project.edit(STAMP, replaced('"version": "0.1.0"', '"version": "0.2.0"'))
  })

  /** Kills the process before it replaces or removes the nth file. */
  const killer = join(temporary, 'killer.mjs')
  writeFileSync(
    killer,
    `import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
let left = Number(process.env.KILLED_AT)
for (const name of ['renameSync', 'rmSync']) {
  const step = fs[name]
  fs[name] = (...args) => {
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
    return step(...args)
  }
}
syncBuiltinESMExports()
process.on('exit', () => console.log('steps left:', left))
`,
  )
  const killedAt = (step: number): NodeJS.ProcessEnv => ({
    NODE_OPTIONS: `--import=${killer}`,
    KILLED_AT: String(step),
  })

  it('leaves the old project when killed, or one that the next call completes', async (t) => {
    const [old, next] = [shop.files(), project.files()]
    const whole = shop.copy('whole', '0.2.0')
    const ALL = 1000
    const [, left = ''] = /steps left: (\d+)/.exec(await whole.upgrade(0, [], killedAt(ALL))) ?? []
    const steps = ALL - Number(left)
    assert.deepEqual(whole.files(), next)
    const cases = [1, 2, Math.floor(steps / 2), steps]
    t.diagnostic(`killed before ${cases.join(', ')} of ${steps} steps`)
    assert.ok(steps > 10)
    for (const step of cases) {
      const killed = shop.copy(`killed-${step}`, '0.2.0')
      assert.equal((await killed.tidemark(['upgrade'], killedAt(step))).code, null)
      const { 'infra/tidemark/unfinished.json.tidemark-upgrade': _, ...left } = killed.files()
      if (step === 1) assert.deepEqual(left, old)
      else if (step === 2) assert.match(await killed.upgrade(1, ['--check']), /^an upgrade was interrupted: /)
      assert.match(
        await killed.upgrade(0),
        step === 1 ? /^the project is at 0\.2\.0 now/m : /^finished package\.json$/m,
      )
      assert.deepEqual(killed.files(), next, `killed before step ${step}`)
    }
  })
})
