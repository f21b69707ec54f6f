import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { listReactions } from 'tidemark/tools'
import { importTime } from '../../packages/cli/bundle/import-time.ts'
import { bundleModule, bundleService } from '../../packages/cli/bundle/service-bundle.ts'
import { services } from '../../packages/cli/project/config.ts'

const SERVICE_FILE = /^src\/([^/]+)\/(.+)$/

describe('the bundle of a service', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-bundle-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  for (const { name, ...service } of services)
    it(`of ${name} has only contracts of other services, and imports only Node and the host's own module`, async () => {
      const { inputs, outputs } = await bundleService(name, join(folder, name))
      const files = Object.keys(inputs).flatMap((path) => {
        const [, owner, file] = SERVICE_FILE.exec(path) ?? []
        return owner === undefined ? [] : [{ owner, file }]
      })
      const others = files.filter(({ owner }) => owner !== name)
      // A service that follows others has their contracts.
      const follows = listReactions(service).length > 0 || service.views.some(({ kind }) => kind === 'many-services')
      // Without deciders it is a view and its declaration.
      const least = service.deciders.length > 0 ? 4 : 2
      assert.ok(
        others.length >= (follows ? 1 : 0) && files.length >= others.length + least,
        `${files.length} files, ${others.length} of other services`,
      )
      for (const { owner, file } of others)
        assert.equal(file, 'contract.ts', `${name} has the file ${file} of ${owner}`)

      const external = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external))
      assert.ok(external.length > 0)
      for (const { path } of external) assert.ok(isBuiltin(path) || path === '@azure/functions-core', path)

      const modules = Object.keys(outputs).map((path) => basename(path))
      assert.ok(modules.includes(`${name}.js`))
      assert.deepEqual(
        (await readdir(join(folder, name))).toSorted(),
        ['.funcignore', 'host.json', 'package.json', ...modules].toSorted(),
      )
      const { type, main, dependencies } = JSON.parse(await readFile(join(folder, name, 'package.json'), 'utf8'))
      assert.deepEqual([type, main, dependencies], ['module', `${name}.js`, undefined])
    })

  it('starts without identities, telemetry and translated messages', async () => {
    const { outputs } = await bundleService('ordering', join(folder, 'ordering'))
    const entry = Object.keys(outputs).find((path) => basename(path) === 'ordering.js') ?? ''
    const atStart = new Set([entry])
    for (const path of atStart)
      for (const { path: next, kind, external } of outputs[path]?.imports ?? [])
        if (kind === 'import-statement' && !external) atStart.add(next)
    const inputs = [...atStart].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}))
    assert.ok(inputs.length > 500, `only ${inputs.length} modules`)
    // Not so the client of key vaults: @azure/cosmos imports it statically, for its own encryption.
    assert.deepEqual(
      inputs.filter((path) => /node_modules\/(@azure\/(identity|msal)|@opentelemetry\/)/.test(path)),
      [],
    )
    // zod has messages in some forty languages, which `import { z }` would bundle.
    const languages = inputs.filter((path) => /node_modules\/zod\/.*\/locales\/[a-z]/.test(path))
    assert.ok(languages.length <= 1, languages.join())
  })

  it('is rewritten completely, except the settings that func start reads there', async () => {
    const written = join(folder, 'again')
    await bundleService('shipping', written)
    const names = (await readdir(written)).toSorted()
    await writeFile(join(written, 'local.settings.json'), '{"of": "somebody"}')
    await writeFile(join(written, 'chunk-OLD.js'), '')
    await bundleService('shipping', written)
    assert.deepEqual((await readdir(written)).toSorted(), [...names, 'local.settings.json'].toSorted())
    assert.equal(await readFile(join(written, 'local.settings.json'), 'utf8'), '{"of": "somebody"}')
  })

  it('loads @azure/identity when it is first needed', async () => {
    await bundleModule('packages/tidemark/identity/credential.ts', join(folder, 'identity', 'credential.js'))
    await writeFile(join(folder, 'identity', 'package.json'), '{"type":"module"}')
    const script = `
      import { createCredential } from './credential.js'
      const token = createCredential().getToken('https://cosmos.azure.com/.default')
      await token.catch(({ message }) => console.log(message))`
    await writeFile(join(folder, 'identity', 'ask.js'), script)
    // Only settings can sign in, and there are none, so no network request is made.
    const env = { AZURE_TOKEN_CREDENTIALS: 'EnvironmentCredential' }
    const { stdout } = await promisify(execFile)(process.execPath, ['ask.js'], { cwd: join(folder, 'identity'), env })
    assert.match(stdout, /EnvironmentCredential is unavailable/)
  })

  it("is imported with the sample's settings only, and an import error is reported in one line", async () => {
    const set = {
      CosmosConnection__accountEndpoint: 'https://a.example/',
      TIDEMARK_OF_MINE: '1',
      NODE_OPTIONS: '--none',
    }
    const [{ name }] = services as [(typeof services)[number]]
    Object.assign(process.env, set)
    try {
      assert.ok((await importTime(join(folder, name))) > 0)
      await writeFile(join(folder, name, `${name}.js`), 'import "none"')
      await assert.rejects(importTime(join(folder, name)), (error: Error) => {
        assert.equal(error.name, 'UsageError')
        assert.match(error.message, new RegExp(`${name}\\.js cannot be loaded: .*'none'`))
        assert.equal(error.message.split('\n').length, 1, error.message)
        return true
      })
    } finally {
      for (const each of Object.keys(set)) delete process.env[each]
    }
  })
})
