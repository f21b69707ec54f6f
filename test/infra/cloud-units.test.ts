import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const command = fileURLToPath(new URL('../../packages/cli/cloud-units.ts', import.meta.url))
const environment = { AZURE_ENV_NAME: 'shop', AZURE_SUBSCRIPTION_ID: 'sub' }

describe('npm run cloud:units', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-cloud-units-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  /** Runs the command with a fake azd that records its arguments, and a fake Azure with this answer. */
  function run(answer: { status: number; body: unknown }, env: Record<string, string>, token = '{"token": "t"}') {
    writeFileSync(
      join(folder, 'azd'),
      `#!/bin/sh\nif [ "$1" = auth ]; then echo '${token}'; else echo "$@" >> ${folder}/told; fi\n`,
    )
    chmodSync(join(folder, 'azd'), 0o755)
    const azure = `globalThis.fetch = async (url, { headers }) => {
      if (headers.authorization !== 'Bearer t') throw new Error('no token')
      const prefix = 'https://management.azure.com/subscriptions/sub/resourceGroups/rg-shop/'
      if (!String(url).startsWith(prefix)) throw new Error(url)
      return new Response(JSON.stringify(${JSON.stringify(answer.body)}), { status: ${answer.status} })
    }`
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(azure)}`, command],
      { env: { PATH: `${folder}:/usr/bin:/bin`, ...env }, encoding: 'utf8' },
    )
    const calls = existsSync(join(folder, 'told')) ? readFileSync(join(folder, 'told'), 'utf8') : ''
    return { status, stdout, stderr: stderr.trim(), told: calls }
  }
  const namespace = (capacity: unknown) => ({ value: [{ name: 'evhns-abc', sku: { name: 'Standard', capacity } }] })

  for (const [what, answer, env, units] of [
    ['the units that auto-inflate has reached', { status: 200, body: namespace(17) }, environment, 17],
    ['0 if the group does not exist', { status: 404, body: {} }, environment, 0],
    ['0 if there is no namespace', { status: 200, body: { value: [] } }, environment, 0],
    ['0 if azd has no subscription yet, without a request', { status: 500, body: {} }, { AZURE_ENV_NAME: 'shop' }, 0],
  ] satisfies (readonly [string, { status: number; body: unknown }, Record<string, string>, number])[])
    it(`sets ${what} in azd`, () => {
      const { status, stdout, stderr, told: calls } = run(answer, env)
      assert.deepEqual([status, stderr], [0, ''])
      assert.equal(calls, `env set TIDEMARK_EVENT_HUBS_UNITS ${units} --environment shop\n`)
      assert.match(stdout, units === 0 ? /^Event Hubs: no namespace yet$/m : /^Event Hubs: 17 throughput units/)
    })

  // A provision without them would reduce them.
  for (const [what, answer, env, token, line] of [
    ['cannot be read', { status: 403, body: {} }, environment, undefined, /are not known: Azure answered 403$/],
    [
      'have no number',
      { status: 200, body: namespace('many') },
      environment,
      undefined,
      /a namespace has no capacity$/,
    ],
    ['are not a list', { status: 200, body: {} }, environment, undefined, /Azure gave an unexpected answer$/],
    ['are requested without a token', { status: 200, body: namespace(2) }, environment, '{}', /azd returned no token$/],
    ['have no environment', { status: 200, body: namespace(2) }, {}, undefined, /^AZURE_ENV_NAME is not set/],
  ] satisfies (readonly [
    string,
    { status: number; body: unknown },
    Record<string, string>,
    string | undefined,
    RegExp,
  ])[])
    it(`stops the provision with one line if they ${what}`, () => {
      const { status, stderr, told: calls } = run(answer, env, token)
      assert.deepEqual([status, calls], [1, ''])
      assert.match(stderr, line)
      assert.equal(stderr.split('\n').length, 1, stderr)
    })
})
