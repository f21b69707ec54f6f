import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { type CommandLine, runCommand } from '../kit/command-line.ts'
import { lockFolder } from '../kit/data-lock.ts'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { checkOrigin, refuse } from '../kit/guard.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'

// Azurite, blob service alone, as a part of the local cloud: started from its own classes, so that it ends
// when its parent does, says in one line why it cannot start, and sends no telemetry.

/** What Azurite's factory asks of its environment: the command line's options, by name. */
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
  description: 'Serves blobs on this machine, as a part of the local cloud: Azurite.',
  flags: {
    port: { value: 'PORT', help: `where it listens: ${DEFAULT_PORT}, or 0 for any free one` },
    data: { value: 'FOLDER', help: `its data, of one process at a time: ${DEFAULT_DATA}` },
    'token-file': { value: 'FILE', help: '43 characters that the key is made of, in place of the published key' },
  },
  examples: [],
  from: import.meta.url,
}

await runCommand(command, async (given) => {
  // It would choose another store.
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
    // The SDKs are newer than the newest version it knows.
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

/** Azurite itself serves whatever name leads here, and its key may be the published one. */
function refuseStrangers(server: Server): void {
  const serve = server.listeners('request') as RequestListener[]
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    const refusal = checkOrigin(request)
    if (refusal) refuse(request, response, refusal)
    else for (const listener of serve) listener(request, response)
  })
}

/** Azurite opens its files before its port: that the port can be had is found out first. */
async function freePort(port: number): Promise<number> {
  const probe = createServer()
  const found = await listen(probe, port, '--port')
  await new Promise((done) => probe.close(done))
  return found
}
