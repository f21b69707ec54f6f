import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { WAIT_MS } from '../../test-support/wait.ts'

describe('commands against the account in Azure', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-account-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const config = new URL('./project/tidemark.config.ts', import.meta.url).href
  writeFileSync(join(folder, 'tidemark.config.ts'), `export { default } from '${config}'\n`)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')

  const run = (command: string, ...args: string[]): Promise<{ code: number; said: string }> =>
    new Promise((resolve) => {
      const file = fileURLToPath(new URL(`../${command}.ts`, import.meta.url))
      execFile(process.execPath, [file, ...args], { cwd: folder, timeout: WAIT_MS }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), said: stdout + stderr }),
      )
    })
  const settings = (values: object): void => {
    mkdirSync(join(folder, 'bundles/ordering'), { recursive: true })
    writeFileSync(join(folder, 'bundles/ordering/local.settings.json'), JSON.stringify({ Values: values }))
  }

  for (const [command, ...args] of [
    ['verify', 'ordering', '--cloud'],
    ['replay', 'ordering', 'order', '--cloud'],
  ] as const) {
    it(`${command}: says what writes the settings if they are missing`, async () => {
      rmSync(join(folder, 'bundles'), { recursive: true, force: true })
      const { code, said } = await run(command, ...args)
      assert.equal(code, 1)
      assert.match(said, /^bundles\/ordering\/local\.settings\.json cannot be read: .*npm run cloud:settings/)
      assert.equal(said.trim().split('\n').length, 1)
    })

    it(`${command}: does not use the local emulator, even if the settings name it`, async () => {
      settings({ CosmosConnection: 'AccountEndpoint=http://127.0.0.1:8081/;AccountKey=a2V5;' })
      const { code, said } = await run(command, ...args)
      assert.equal(code, 1)
      assert.match(said, /names no account in Azure: npm run cloud:settings -- --service ordering --force/)
    })

    it(`${command}: names an account that cannot be reached, and the likely reason`, async () => {
      settings({ CosmosConnection__accountEndpoint: 'http://127.0.0.1:9/' })
      const { code, said } = await run(command, ...args)
      assert.equal(code, 1)
      assert.match(said, /^http:\/\/127\.0\.0\.1:9\/ cannot be reached: .*answers only in its network/m)
    })
  }

  it('verify uses the account in the settings, with a token and without a key', async () => {
    const asked: (string | undefined)[] = []
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization)
      response.writeHead(401, { 'content-type': 'application/json' }).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    after(() => server.close())
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    settings({ CosmosConnection__accountEndpoint: address })
    const { code, said } = await run('verify', 'ordering', '--cloud')
    assert.equal(code, 1)
    assert.ok(said.startsWith(`log              ordering at ${address}`), said)
    // The SDK sends no token over http, and no key is sent instead.
    assert.match(said, /denies you access: Bearer token authentication is not permitted.*az login/)
    assert.equal(said.trim().split('\n').length, 2, said)
    assert.deepEqual([...new Set(asked)], [undefined])
  })
})
