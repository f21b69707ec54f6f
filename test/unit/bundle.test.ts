import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { bundleModule, bundleService } from '../../cli/bundle/service-bundle.ts'
import { services } from '../../cli/services.ts'
import { reactionsOf } from '../../src/core/service.ts'

const SERVICE_FILE = /^src\/services\/([^/]+)\/(.+)$/

describe('the bundle of a service', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-bundle-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  for (const { name, ...service } of services)
    it(`${name}: no file of another service but its contract, nothing from outside but Node and the host's own module`, async () => {
      const { inputs, outputs } = await bundleService(name, join(folder, name))
      const files = Object.keys(inputs).flatMap((path) => {
        const [, owner, file] = SERVICE_FILE.exec(path) ?? []
        return owner === undefined ? [] : [{ owner, file }]
      })
      const others = files.filter(({ owner }) => owner !== name)
      // One that follows others has their contracts.
      const followed = reactionsOf(service).length > 0 ? 1 : 0
      assert.ok(
        others.length >= followed && files.length > others.length + 3,
        `${files.length} files, ${others.length} of others`,
      )
      for (const { owner, file } of others) assert.equal(file, 'contract.ts', `${name} has ${file} of ${owner}`)

      const external = Object.values(outputs).flatMap(({ imports }) => imports.filter(({ external }) => external))
      assert.ok(external.length > 0)
      for (const { path } of external) assert.ok(isBuiltin(path) || path === '@azure/functions-core', path)

      assert.deepEqual(
        (await readdir(join(folder, name))).toSorted(),
        ['host.json', `${name}.js`, 'package.json'].toSorted(),
      )
      const { type, main, dependencies } = JSON.parse(await readFile(join(folder, name, 'package.json'), 'utf8'))
      assert.deepEqual([type, main, dependencies], ['module', `${name}.js`, undefined])
    })

  it('loads @azure/identity when it is first needed', async () => {
    await bundleModule('src/adapters/identity/credential.ts', join(folder, 'identity', 'credential.js'))
    await writeFile(join(folder, 'identity', 'package.json'), '{"type":"module"}')
    const script = `
      import { credentialOf } from './credential.js'
      await credentialOf().getToken('https://cosmos.azure.com/.default').catch(({ message }) => console.log(message))`
    await writeFile(join(folder, 'identity', 'ask.js'), script)
    // Signed in by settings alone, of which there are none: nobody is asked over the network.
    const env = { AZURE_TOKEN_CREDENTIALS: 'EnvironmentCredential' }
    const { stdout } = await promisify(execFile)(process.execPath, ['ask.js'], { cwd: join(folder, 'identity'), env })
    assert.match(stdout, /EnvironmentCredential is unavailable/)
  })
})
