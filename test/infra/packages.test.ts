import assert from 'node:assert/strict'
import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { readSettingsFile } from '../../packages/cli/project/local-settings.ts'
import { startCloud } from '../../packages/local-cloud/cloud.ts'
import { RepositoryCopy } from '../../packages/test-support/repository-copy.ts'
import { Apps } from '../support/apps.ts'
import type { RightsGuard } from '../support/rights-guard.ts'
import { call } from '../support/system.ts'
import { guardAs } from './support/guard.ts'

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url))

interface Deployed {
  readonly dist: string
  readonly hooks: { readonly prepackage: { readonly posix: { readonly run: string } } }
}

// What azd does for a service: its hook makes the bundle, and azd packs that folder except the files in its
// .funcignore.
describe('the packages that azd uploads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-packages-'))
  const copy = new RepositoryCopy()
  const packages = new Map<string, string>()
  const sample = readSettingsFile(path('local.settings.sample.json'))
  let output = ''

  /** The files of a folder that its .funcignore does not exclude. git reads the same patterns. */
  function packed(source: string): readonly string[] {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: source, encoding: 'utf8' })
    git('init', '--quiet')
    const files = git('ls-files', '-z', '--others', '--exclude-per-directory=.funcignore')
    rmSync(join(source, '.git'), { recursive: true })
    return files.split('\0').filter((file) => file !== '')
  }

  before(async () => {
    const { services } = parse(readFileSync(copy.path('azure.yaml'), 'utf8')) as { services: Record<string, Deployed> }
    const sh = (command: string) => promisify(execFile)('sh', ['-c', command], { cwd: copy.folder })
    copy.copyBuild()
    // So that the builds write this file.
    appendFileSync(copy.path('functions/ordering.ts'), '\nexport {}\n')
    // All at the same time, like azd. After each hook azd runs the script build; two builds stand for all.
    const hooks = Object.values(services).map(({ hooks: { prepackage } }) => sh(prepackage.posix.run))
    const [made] = await Promise.all([Promise.all(hooks), sh('npm run build'), sh('npm run build')])
    output = made.map(({ stdout }) => stdout).join('')
    for (const [service, { dist }] of Object.entries(services)) {
      // A file that must not be uploaded.
      writeFileSync(join(copy.path(dist), 'local.settings.json'), '{}')
      const target = join(folder, 'packages', service)
      // Outside the repository, so that no package of its node_modules can be found.
      for (const file of packed(copy.path(dist))) cpSync(join(copy.path(dist), file), join(target, file))
      packages.set(service, target)
    }
  })
  after(() => {
    copy.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  const findRoot = (service: string): string => packages.get(service) ?? assert.fail(`${service} was not packed`)

  it('are made by concurrent hooks that report size and import time', () => {
    assert.ok(packages.size > 0)
    for (const service of packages.keys())
      assert.match(output, new RegExp(`^bundles/${service} +\\d+ modules in \\d\\.\\d MiB, imported in \\d+ ms$`, 'm'))
  })

  it('contain the functions and no local settings', () => {
    for (const [service, root] of packages) {
      const files = packed(root).toSorted()
      assert.ok(files.includes(`${service}.js`) && files.includes('host.json') && files.includes('package.json'))
      for (const file of files) assert.match(file, /^([\w.-]+\.js|host\.json|package\.json)$/, `${service} has ${file}`)
      const { main, dependencies, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
      assert.deepEqual([main, dependencies, scripts], [`${service}.js`, undefined, undefined])
    }
  })

  for (const [what, env, line] of [
    [
      'without a connection',
      { CosmosConnection: '' },
      /^\S+\/ordering\.js cannot be loaded: CosmosConnection is not set: .*\(setting-invalid\)$/,
    ],
    [
      'with a mistyped setting',
      { TIDEMARK_QUERY_WIAT_MS: '9' },
      /: there is no setting "TIDEMARK_QUERY_WIAT_MS": did you mean TIDEMARK_QUERY_WAIT_MS\? \(setting-invalid\)$/,
    ],
  ] as const)
    it(`end with code 1 and one line ${what}`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [path('packages/functions-host/main.ts')], {
        env: {
          ...process.env,
          ...sample,
          FUNCTIONS_HOST_FOLDER: findRoot('ordering'),
          FUNCTIONS_HOST_PORT: '0',
          ...env,
        },
        encoding: 'utf8',
      })
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr.trimEnd(), line)
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    })

  it('complete an order through the hubs, each in its own host with only its own rights', async (t) => {
    const ends: (() => Promise<void>)[] = []
    try {
      const cloud = await startCloud({
        dataDir: join(folder, 'data'),
        topologyFile: path('infra/topology.json'),
        ports: { blob: 0, eventHubs: 0, cosmos: 0 },
        fresh: false,
      })
      ends.unshift(cloud.stop)
      const apps = new Apps()
      const guards = new Map<string, RightsGuard>()
      for (const [service, root] of packages) {
        const guard = await guardAs(service, cloud.settings.CosmosConnection ?? '')
        ends.unshift(() => guard.stop())
        guards.set(service, guard)
        const settings = { CosmosConnection: guard.connectionString, FUNCTIONS_HOST_FOLDER: root }
        const host = await apps.start(service, { ...cloud.settings, ...settings })
        ends.unshift(() => host.stop())
        const { body } = await call('GET', `${host.address}/api/openapi.json`, {})
        assert.deepEqual([...new Set(Object.keys(body.paths).map((each) => each.split('/')[1]))], [service])
      }
      await apps.completeAnOrder()
      // A list of a view, and the events of a stream.
      const listed = await apps.at('ordering').get('/orders?status=completed')
      assert.equal(listed.body.items.length, 1, JSON.stringify(listed.body))
      const stream = `order-${listed.body.items[0].orderId}`
      assert.equal((await apps.at('ordering').get(`/streams/${stream}/events`)).body.items.length, 3)
      for (const [service, { refused, allowed }] of guards) {
        assert.deepEqual(refused, [], service)
        // One that only follows others has no log.
        const least = service === 'customers' ? 6 : 11
        assert.ok(allowed.size >= least, `${service} did ${allowed.size} things`)
        t.diagnostic(`${service}: ${allowed.size} of its rights used`)
      }
    } finally {
      for (const end of ends) await end()
    }
  })
})
