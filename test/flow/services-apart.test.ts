import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { findAnswering } from '../../packages/cli/api/service-address.ts'
import { Client } from '../../packages/cli/demo/client.ts'
import { services } from '../../packages/cli/project/config.ts'
import { listen } from '../../packages/kit/listen.ts'
import { Command } from '../../packages/test-support/command.ts'
import { freePort, nobodyListens, ownSettings } from '../../packages/test-support/ports.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'

describe('npm start -- --service', () => {
  let folder: string
  let env: Record<string, string>
  let running: Command[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-apart-'))
    env = await ownSettings(join(folder, 'data'))
    running = []
  })
  afterEach(async () => {
    for (const command of running.toReversed()) command.kill('SIGINT')
    await Promise.all(running.map(({ ended }) => ended))
    await nobodyListens(env)
    await rm(folder, { recursive: true, force: true })
  })

  const run = (file: string, args: readonly string[], settings: Record<string, string> = {}): Command => {
    const command = new Command(file, args, { ...env, ...settings })
    running.push(command)
    return command
  }
  const start = (settings: Record<string, string> = {}, ...args: string[]): Command =>
    run('packages/cli/start.ts', ['--service', 'ordering', ...args], settings)
  const cloud = (settings: Record<string, string> = {}): Command => run('packages/cli/cloud.ts', [], settings)
  const ports = async (...names: string[]): Promise<Record<string, string>> =>
    Object.fromEntries(await Promise.all(names.map(async (name) => [name, String(await freePort())] as const)))

  /** Places an order at one host and reads it at another. */
  async function serves(from: string | undefined, to = from): Promise<void> {
    const client = (port: string | undefined): Client => new Client(`http://127.0.0.1:${port}/api/ordering`, WAIT_MS)
    const placed = await client(from).post('/orders', placeBody, {})
    assert.equal(placed.status, 201)
    const { id, position } = placed.body
    assert.equal((await client(to).get(`/orders/${id}?position=${encodeURIComponent(position)}`)).status, 200)
  }

  async function failsInOneLine(command: Command, line: RegExp): Promise<void> {
    const { code, output } = await command.ended
    assert.equal(code, 1)
    assert.match(output, line)
    assert.equal(output.trim().split('\n').length, 1, output)
  }

  it('reports an unknown service in one line, with the known ones', async () => {
    const names = services.map(({ name }) => name).join(', ')
    await failsInOneLine(start({}, '--service', 'odering'), new RegExp(`no service odering; there are ${names}`))
    await failsInOneLine(run('packages/cli/start.ts', ['--service']), /--service NAME/)
    await nobodyListens(env)
  })

  it('reports a port in use and its setting in one line, and ends the cloud that it started', async () => {
    const server = createServer()
    await listen(server, Number(env.TIDEMARK_HTTP_PORT), 'a test')
    await failsInOneLine(start(), new RegExp(`port ${env.TIDEMARK_HTTP_PORT} is in use.*TIDEMARK_HTTP_PORT`))
    server.close()
    await nobodyListens(env)
  })

  it('leaves the cloud alone when its own port is in use', async () => {
    await start().prints('ready')
    const second = start()
    const { code, output } = await second.ended
    assert.equal(code, 1)
    assert.match(output.trim().split('\n').at(-1) ?? '', new RegExp(`^port ${env.TIDEMARK_HTTP_PORT} is in use`))
    await serves(env.TIDEMARK_HTTP_PORT)
  })

  it('starts a cloud if none runs, and a second one uses that cloud and ends alone on Ctrl-C', async () => {
    const other = await ports('TIDEMARK_HTTP_PORT')
    const first = start()
    await first.prints('ready')
    const second = start(other)
    await second.prints('ready')
    assert.match(second.output, /^cloud +of process \d+/m)
    await serves(other.TIDEMARK_HTTP_PORT, env.TIDEMARK_HTTP_PORT)
    second.kill('SIGINT')
    assert.equal((await second.ended).code, 0, second.output)
    await serves(env.TIDEMARK_HTTP_PORT)
    await nobodyListens(other)
  })

  it('runs on one cloud if two are started at the same moment', async () => {
    const other = await ports('TIDEMARK_HTTP_PORT')
    const both = [start(), start(other)]
    await Promise.all(both.map((command) => command.prints('ready')))
    assert.equal(both.filter(({ output }) => output.includes('of process')).length, 1)
    await serves(env.TIDEMARK_HTTP_PORT, other.TIDEMARK_HTTP_PORT)
  })

  it('shares its data folder with no plain npm start, and --fresh is refused with it', async () => {
    await cloud().prints('ready')
    const other = await ports('TIDEMARK_HTTP_PORT', 'TIDEMARK_BLOB_PORT')
    await failsInOneLine(run('packages/cli/start.ts', [], other), /data folder .* is in use by process \d+/)
    await failsInOneLine(
      start(other, '--fresh'),
      /^--fresh would clear the data of the running cloud, process \d+: stop it/,
    )
    await start().prints('ready')
    await serves(env.TIDEMARK_HTTP_PORT)
  })

  it('reports that its cloud is gone, and continues on the next one, also on other ports', async () => {
    const first = cloud()
    await first.prints('ready')
    const host = start()
    await host.prints('ready')
    await serves(env.TIDEMARK_HTTP_PORT)
    for (const [signal, elsewhere] of [
      ['SIGINT', await ports('TIDEMARK_COSMOS_PORT', 'TIDEMARK_EVENTHUBS_PORT', 'TIDEMARK_BLOB_PORT')],
      ['SIGKILL', {}],
    ] as const) {
      host.output = ''
      const before = running.find((command) => command !== host)
      before?.kill(signal)
      await host.prints('has ended: the functions end')
      // The old cloud closes its ports first and unlocks the data last. A new one is refused until then.
      await before?.ended
      running = running.filter((command) => command === host)
      await cloud(elsewhere).prints('ready')
      await host.prints('ready')
      await serves(env.TIDEMARK_HTTP_PORT)
    }
    host.output = ''
    running.find((command) => command !== host)?.kill('SIGINT')
    await host.prints('has ended: the functions end')
    host.kill('SIGINT')
    assert.equal((await host.ended).code, 0, host.output)
  })

  it('reports in one line that a cloud with another topology must be restarted', async () => {
    const old = cloud()
    await old.prints('ready')
    const file = join(folder, 'data', 'cloud.json')
    const announced = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...announced, topology: { ...announced.topology, eventHubs: [] } }))
    const { code, output } = await start().ended
    assert.equal(code, 1)
    assert.match(output, /^the cloud of process \d+ was started with another .*topology\.json.*: restart it$/m)
    assert.doesNotMatch(output, /ready|\n +at /)
  })

  it('ignores what a killed cloud left in the data folder, and starts another one', async () => {
    const first = cloud()
    await first.prints('ready')
    const file = join(folder, 'data', 'cloud.json')
    const left = await readFile(file, 'utf8')
    first.kill('SIGKILL')
    await first.ended
    assert.equal(await readFile(file, 'utf8'), left)
    const host = start()
    await host.prints('ready')
    assert.doesNotMatch(host.output, /of process/)
    await serves(env.TIDEMARK_HTTP_PORT)
    host.kill('SIGINT')
    assert.equal((await host.ended).code, 0, host.output)
    await assert.rejects(readFile(file), { code: 'ENOENT' })
  })
})

describe('the address of a service', () => {
  it('is that of the first port where it answers, ignoring other programs', async () => {
    const other = createServer((_, response) => response.end('<html>'))
    const [alien, silent] = [await listen(other, 0, 'a test'), await freePort()]
    const app = createServer((_, response) => response.end(JSON.stringify({ tags: [{ name: 'ordering' }] })))
    const ours = await listen(app, 0, 'a test')
    assert.equal(await findAnswering('ordering', [silent, alien, ours]), `http://127.0.0.1:${ours}`)
    await assert.rejects(findAnswering('inventory', [silent, ours]), {
      name: 'UsageError',
      message: new RegExp(`^port ${ours} answered 200: inventory `),
    })
    await assert.rejects(findAnswering('ordering', [silent]), {
      message: new RegExp(`^nothing answers at port ${silent}: run npm start`),
    })
    for (const server of [other, app]) server.close()
  })
})
