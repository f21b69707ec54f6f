import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startEmulator, temporaryFolder } from '../../cosmos/test/emulator.ts'
import { freePort } from '../ports.ts'

const run = promisify(execFile)
const PROJECT = fileURLToPath(new URL('./CosmosClient/', import.meta.url))
/**
 * The key that the vendor publishes for its emulator: https://learn.microsoft.com/azure/cosmos-db/emulator
 */
const KEY = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=='

/** `npm run test:dotnet`: builds the client with the .NET SDK, which fetches its packages. */
test("Microsoft's unmodified client for .NET works with the Cosmos DB emulator", async (t) => {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  const artifacts = join(folder.path, 'artifacts')
  await run('dotnet', ['build', PROJECT, '-c', 'Release', '--artifacts-path', artifacts, '--nologo'])
  const control = await freePort()
  const endpoint = await startEmulator(join(folder.path, 'data'), 0, { COSMOS_EMULATOR_CONTROL_PORT: String(control) })
  t.after(() => endpoint.stop())
  const client = join(artifacts, 'bin', 'CosmosClient', 'release', 'CosmosClient.dll')
  const connection = `AccountEndpoint=${endpoint.address}/;AccountKey=${KEY};`
  // A failure is reported in its output.
  const stdout = await run('dotnet', [client, connection, `http://127.0.0.1:${control}/`]).then(
    (ended) => ended.stdout,
    (failed: { stdout?: string; stderr?: string }) => `${failed.stdout ?? ''}${failed.stderr ?? ''}`,
  )
  const checks = (await listChecks(PROJECT)).map((name) => `holds: ${name}`)
  assert.ok(checks.length > 0)
  t.diagnostic(`${checks.length} checks`)
  assert.deepEqual(stdout.trim().split(/\r?\n/).sort(), checks.sort())
})

async function listChecks(project: string): Promise<string[]> {
  const names: string[] = []
  for await (const file of glob('*.cs', { cwd: project }))
    for (const [, name = ''] of (await readFile(join(project, file), 'utf8')).matchAll(/run\.Check\("([^"]+)"/g))
      names.push(name)
  return names
}
