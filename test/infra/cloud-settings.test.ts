import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readSettings } from 'tidemark/azure-functions'
import { settings } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'

const command = fileURLToPath(new URL('../../packages/cli/cloud-settings.ts', import.meta.url))
const names = services.map(({ name }) => name)

/** The outputs as azd passes them to a hook: an array as JSON. */
const outputs = {
  EVENT_HUBS_NAMESPACE: 'evhns-abc.servicebus.windows.net',
  COSMOS_ENDPOINT: 'https://cosmos-abc.documents.azure.com:443/',
  ARCHIVE_ENDPOINT: 'https://starchiveabc.blob.core.windows.net/',
  KEY_VAULT_ENDPOINT: 'https://kv-abc.vault.azure.net/',
  SERVICES: JSON.stringify(
    names.map((name) => ({
      name,
      app: `func-${name}-abc`,
      address: `https://func-${name}-abc.azurewebsites.net`,
      blobEndpoint: `https://st${name}abc.blob.core.windows.net/`,
    })),
  ),
}

describe('npm run cloud:settings', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-cloud-settings-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const run = (env: Record<string, string>, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], {
      cwd: folder,
      env: { PATH: '', ...env },
      encoding: 'utf8',
    })
    return { status, stdout, stderr }
  }
  const file = (service: string): string => join(folder, 'bundles', service, 'local.settings.json')
  const readValues = (service: string): Record<string, string> => JSON.parse(readFileSync(file(service), 'utf8')).Values

  /** A fake azd that runs this script. */
  function azd(script: string): Record<string, string> {
    const bin = join(folder, 'bin')
    mkdirSync(bin)
    writeFileSync(join(bin, 'azd'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, 'azd'), 0o755)
    return { PATH: `${bin}:/usr/bin:/bin` }
  }

  for (const [what, env, args, line] of [
    ['there is no azd', {}, [], /^the environment in Azure is not known: there is no azd on PATH$/],
    ['only one of the hook variables is set', { SERVICES: outputs.SERVICES }, [], /there is no azd on PATH$/],
    [
      'the namespace is invalid',
      { ...outputs, EVENT_HUBS_NAMESPACE: 'sb://a' },
      [],
      /^the environment has no EventHubConnection__fullyQualifiedNamespace: it must be the host name .*; run azd provision again$/,
    ],
    [
      'the account is invalid',
      { ...outputs, COSMOS_ENDPOINT: 'http://a' },
      [],
      /^the environment has no CosmosConnection__accountEndpoint: .*; run azd provision again$/,
    ],
    [
      'the outputs are not JSON',
      { ...outputs, SERVICES: '[{' },
      [],
      /^SERVICES is not the output of infra\/main.bicep/,
    ],
    ['they contain no service', { ...outputs, SERVICES: '[]' }, [], /^SERVICES is not/],
    ['a service has no storage', { ...outputs, SERVICES: '[{"name": "ordering"}]' }, [], /^SERVICES is not/],
    [
      'a service name is a path',
      { ...outputs, SERVICES: '[{"name": "../../x", "blobEndpoint": "https://a.b/"}]' },
      [],
      /^SERVICES is not/,
    ],
    ['the service is unknown', outputs, ['--service', 'billing'], /^there is no service billing; there are ordering, /],
    [
      'the environment lacks the service',
      { ...outputs, SERVICES: '[{"name": "ordering", "blobEndpoint": "https://a.b/"}]' },
      ['--service', 'shipping'],
      /^the environment has no shipping, only ordering$/,
    ],
  ] as const)
    it(`prints one line and writes nothing if ${what}`, () => {
      const { status, stdout, stderr } = run(env, ...args)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr.trimEnd(), line)
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
      assert.deepEqual(readdirSync(folder), [])
    })

  for (const [what, script, line] of [
    ['fails', 'echo "ERROR: no project exists" >&2; exit 1', /not known: ERROR: no project exists$/],
    ['answers other text', 'echo hello', /^azd env get-values did not print JSON: hello$/],
    ['has provisioned nothing', 'echo "{}"', /^EVENT_HUBS_NAMESPACE.* are not known: run azd provision first$/],
    ['answers nothing', 'echo null', /are not known: run azd provision first$/],
  ] as const)
    it(`prints one line if azd ${what}`, () => {
      const { status, stderr } = run(azd(script))
      assert.equal(status, 1)
      assert.match(stderr.trimEnd(), line)
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr)
    })

  it('as a hook: writes valid settings for each service, with its own host storage and no key', () => {
    const { status, stdout, stderr } = run(outputs)
    assert.deepEqual([status, stderr], [0, ''])
    const storages = new Set<string>()
    for (const name of names) {
      assert.ok(stdout.includes(`bundles/${name}/local.settings.json was written\n`), stdout)
      const values = readValues(name)
      for (const [setting, value] of Object.entries(values))
        assert.ok(settings.get(setting)?.schema.safeParse(value).success, `${setting} is ${value}`)
      const { cosmos, eventHubs, archive, keyWrap } = readSettings(values)
      assert.ok(keyWrap && 'vaultUri' in keyWrap && keyWrap.vaultUri === outputs.KEY_VAULT_ENDPOINT)
      assert.ok('serviceUri' in archive && archive.serviceUri === outputs.ARCHIVE_ENDPOINT)
      assert.ok('endpoint' in cosmos && cosmos.endpoint === outputs.COSMOS_ENDPOINT)
      assert.ok('namespace' in eventHubs && eventHubs.namespace === outputs.EVENT_HUBS_NAMESPACE)
      storages.add(values.AzureWebJobsStorage__blobServiceUri ?? '')
      assert.doesNotMatch(Object.values(values).join(), /key|secret|signature/i)
    }
    assert.equal(storages.size, names.length)
  })

  it('by hand: asks azd and writes the settings of one service', () => {
    const { status, stderr } = run(azd(`cat <<'JSON'\n${JSON.stringify(outputs)}\nJSON`), '--service', 'payments')
    assert.deepEqual([status, stderr], [0, ''])
    assert.deepEqual(
      names.filter((name) => existsSync(file(name))),
      ['payments'],
    )
  })

  it('overwrites edited settings only with --force, and says so', () => {
    run(outputs)
    assert.match(run(outputs).stdout, /^bundles\/ordering\/local.settings.json is up to date$/m)
    const own = '{"IsEncrypted": false, "Values": {"MINE": "1"}}'
    writeFileSync(file('ordering'), own)
    const kept = run(outputs)
    assert.equal(kept.status, 0)
    assert.match(
      kept.stdout,
      /^bundles\/ordering\/local.settings.json has other settings and was left unchanged: --force/m,
    )
    assert.equal(readFileSync(file('ordering'), 'utf8'), own)
    assert.match(run(outputs, '--force').stdout, /^bundles\/ordering\/local.settings.json was overwritten$/m)
    assert.notEqual(readFileSync(file('ordering'), 'utf8'), own)
  })
})
