import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire, Module } from 'node:module'
import { resolve } from 'node:path'
import { type CommandLine, runCommand } from '../kit/command-line.ts'
import { lockFolder } from '../kit/data-lock.ts'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { checkOrigin, refuse } from '../kit/guard.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'

// Azurite's blob service as a part of the local cloud. It is started from Azurite's classes, so that it ends
// with its parent, reports in one line why it cannot start, and sends no telemetry.

/** The environment that Azurite's factory needs: the options of its command line. */
interface BlobEnvironment {
  location(): Promise<string>
  blobHost(): string
  blobPort(): number
  blobKeepAliveTimeout(): number
  silent(): boolean
  loose(): boolean
  skipApiVersionCheck(): boolean
  inMemoryPersistence(): boolean
  extentMemoryLimit(): undefined
  debug(): Promise<undefined>
  cert(): undefined
  key(): undefined
  pwd(): undefined
  oauth(): undefined
  disableProductStyleUrl(): boolean
}

interface BlobServer {
  readonly httpServer: Server
  start(): Promise<void>
  close(): Promise<void>
  getHttpServerAddress(): string
}

const require = createRequire(import.meta.url)
skipModule('applicationinsights', 'azurite/dist/src/common/Telemetry.js')
const { BlobServerFactory } = require('azurite/dist/src/blob/BlobServerFactory.js') as {
  BlobServerFactory: new () => { createServer(environment: BlobEnvironment): Promise<BlobServer> }
}
const { AzuriteTelemetryClient } = require('azurite/dist/src/common/Telemetry.js') as {
  AzuriteTelemetryClient: { init(location: string, enabled: boolean, environment: BlobEnvironment): void }
}

const DEFAULT_PORT = 10_000
const DEFAULT_DATA = '.blobs'
const KEEP_ALIVE_SECONDS = 60

const command: CommandLine<'port' | 'data' | 'token-file'> = {
  name: 'azurite.ts',
  description: 'Serves blobs on this machine with Azurite, as a part of the local cloud.',
  flags: {
    port: { value: 'PORT', help: `port to listen on: ${DEFAULT_PORT} by default, 0 for any free port` },
    data: { value: 'FOLDER', help: `data folder, used by one process at a time: ${DEFAULT_DATA} by default` },
    'token-file': { value: 'FILE', help: 'a file of 43 characters, from which the key is made' },
  },
  examples: [],
  from: import.meta.url,
}

await runCommand(command, async (given) => {
  // The variable would select another store.
  delete process.env.AZURITE_DB
  process.env.AZURITE_ACCOUNTS = `devstoreaccount1:${emulatorKey('blob', given.text('token-file'))}`
  const dataDir = resolve(given.text('data') ?? DEFAULT_DATA)
  const unlock = await lockFolder(dataDir)
  const port = await freePort(given.port('port', DEFAULT_PORT)).catch(async (error: unknown) => {
    await unlock()
    throw error
  })
  const environment: BlobEnvironment = {
    location: async () => dataDir,
    blobHost: () => LOOPBACK,
    blobPort: () => port,
    blobKeepAliveTimeout: () => KEEP_ALIVE_SECONDS,
    silent: () => true,
    loose: () => false,
    // The SDKs use API versions newer than Azurite knows.
    skipApiVersionCheck: () => true,
    inMemoryPersistence: () => false,
    extentMemoryLimit: () => undefined,
    debug: async () => undefined,
    cert: () => undefined,
    key: () => undefined,
    pwd: () => undefined,
    oauth: () => undefined,
    disableProductStyleUrl: () => false,
  }
  AzuriteTelemetryClient.init(dataDir, false, environment)
  const server = await new BlobServerFactory().createServer(environment)
  refuseStrangers(server.httpServer)
  await server.start()
  return {
    address: server.getHttpServerAddress(),
    async stop() {
      await server.close()
      await unlock()
    },
  }
})

/**
 * Lets a module be empty for the one that requires it. Azurite's telemetry is off, but would load 2,200 files,
 * which takes twice as long as the rest of the start.
 */
function skipModule(name: string, requiredBy: string): void {
  const path = createRequire(require.resolve(requiredBy)).resolve(name)
  const empty = new Module(path)
  empty.loaded = true
  require.cache[path] = empty
}

/** Refuses requests of web pages. Azurite itself serves any host name, and its key may be the published one. */
function refuseStrangers(server: Server): void {
  const serve = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const refusal = checkOrigin(request)
    if (refusal) refuse(request, response, refusal)
    else for (const listener of serve) listener(request, response)
  })
}

/** Checks the port first, because Azurite opens its files before its port. @returns the port. */
async function freePort(port: number): Promise<number> {
  const probe = createServer()
  const found = await listen(probe, port, '--port')
  await new Promise((done) => probe.close(done))
  return found
}
