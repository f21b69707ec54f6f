import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildConnectionString, startEmulator, temporaryFolder } from '../../event-hubs/test/emulator.ts'

const run = promisify(execFile)
const PROJECT = fileURLToPath(new URL('./EventHubsClient/', import.meta.url))

/** `npm run test:dotnet`: builds the client with the .NET SDK, which fetches its packages. */
test("Microsoft's unmodified client for .NET works with the Event Hubs emulator", async (t) => {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  const artifacts = join(folder.path, 'artifacts')
  await run('dotnet', ['build', PROJECT, '-c', 'Release', '--artifacts-path', artifacts, '--nologo'])
  const endpoint = await startEmulator(folder.path, [{ name: 'orders', partitions: 2, consumerGroups: ['audit'] }])
  t.after(() => endpoint.stop())
  const client = join(artifacts, 'bin', 'EventHubsClient', 'release', 'EventHubsClient.dll')
  const { stdout } = await run('dotnet', [client, buildConnectionString(endpoint)])
  const source = await readFile(join(PROJECT, 'Program.cs'), 'utf8')
  const checks = [...source.matchAll(/await Check\("([^"]+)"/g)].map(([, name]) => `holds: ${name}`)
  assert.ok(checks.length > 0)
  t.diagnostic(`${checks.length} checks`)
  assert.deepEqual(stdout.trim().split(/\r?\n/), checks)
})
