import { createServer, type Server } from 'node:http'
import { cosmosConnection } from '../kit/connection-strings.ts'
import { announceControl, withdrawControl } from '../kit/control/control-file.ts'
import { startControl } from '../kit/control/control-server.ts'
import { lockFolder } from '../kit/data-lock.ts'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { closeServer } from '../kit/http-server.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { answer } from './control/control-routes.ts'
import { Faults } from './faults/faults.ts'
import { Bodies } from './http/bodies.ts'
import { refuseConnection } from './http/client-errors.ts'
import { Connections } from './http/connections.ts'
import { Signatures } from './http/signature.ts'
import { Items } from './items/items.ts'
import { serveRequest } from './request-handler.ts'
import { Catalog } from './resources/catalog.ts'
import type { Account } from './routes/item-routes.ts'
import { endDamaged, endIfDamaged } from './store/damage.ts'
import { checkInChildProcess } from './store/file-check.ts'
import { Store } from './store/store.ts'

const SWEEP_EVERY_MS = 10_000
const SWEEP_BATCH = 1000
// Longer than the SDKs keep an idle connection, so that the client is the one to close it.
const KEEP_ALIVE_MS = 120_000
const HEADERS_MS = 10_000
const REQUEST_MS = 30_000
const CHECK_MS = 5000
// Partition keys and continuations come in headers.
const MAX_HEADER_BYTES = 32 * 1024
const STOP_MS = 2000

/** The options of `startCosmos`. */
export interface CosmosOptions {
  /** 0 for any free port. */
  readonly port: number
  /** The data folder, for one process at a time. */
  readonly dataDir: string
  /** The account key in base64. Default: the key that Microsoft publishes for its emulator. */
  readonly key?: string | undefined
  /** The port of the control endpoint: 0 for any free port, undefined for no control endpoint. */
  readonly controlPort?: number | undefined
  /** Acknowledges writes before they are on disk. */
  readonly fast?: boolean | undefined
}

/** A running emulator. */
export interface RunningCosmos extends Running {
  /** For clients: `AccountEndpoint=…;AccountKey=…;`. */
  readonly connectionString: string
  /** The address of the control endpoint; undefined without one. */
  readonly control: string | undefined
}

/**
 * Starts the Cosmos DB for NoSQL emulator on loopback, in this process.
 *
 * @throws StartError when the port or the folder cannot be used, or the data is damaged. Nothing runs then.
 *
 * @example
 * const cosmos = await startCosmos({ port: 0, dataDir: '.cosmos' })
 * const client = new CosmosClient(cosmos.connectionString)
 * await cosmos.stop()
 */
export async function startCosmos(options: CosmosOptions): Promise<RunningCosmos> {
  const { port, dataDir, key = emulatorKey('cosmos', undefined), controlPort, fast } = options
  // What to stop, the last started first.
  const ends: (() => unknown)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends) await end()
  }
  try {
    ends.unshift(await lockFolder(dataDir))
    await withdrawControl(dataDir)
    const store = new Store(dataDir, { fast })
    ends.unshift(() => store.close())
    if (!store.checked) ends.unshift(checkInChildProcess(store.path, endDamaged))
    const account: Account = { store, catalog: new Catalog(store), items: new Items(store) }
    ends.unshift(startSweeper(account.items))
    const server = httpServer()
    const connections = new Connections(server)
    const controlContext = {
      account,
      faults: Faults.none,
      get listening() {
        return server.listening
      },
    }
    const requestContext = {
      account,
      signatures: new Signatures(key),
      bodies: new Bodies(),
      connections,
      get faults() {
        return controlContext.faults
      },
    }
    server.on('request', (message, response) => {
      serveRequest(requestContext, message, response).catch((error: unknown) => {
        console.error(error)
        response.destroy()
      })
    })
    const bound = await listen(server, port, '--port')
    // A connection that cannot be accepted (no file descriptor left) must not end the others.
    server.on('error', (error) => console.error(`cosmos: ${error.message}`))
    ends.unshift(() => closeServer(server, STOP_MS))
    // Starts last, so that it always reports the true state of the emulator.
    let control: string | undefined
    if (controlPort !== undefined) {
      const setting = '--control-port'
      const endpoint = await startControl({
        port: controlPort,
        setting,
        answer: (asked) => answer(controlContext, asked),
      })
      ends.unshift(() => endpoint.stop())
      await announceControl(dataDir, endpoint.address)
      ends.unshift(() => withdrawControl(dataDir))
      control = endpoint.address
    }
    const address = `http://${LOOPBACK}:${bound}`
    return { address, connectionString: cosmosConnection(address, key), control, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function httpServer(): Server {
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: HEADERS_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: CHECK_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  })
  server.on('clientError', refuseConnection)
  return server
}

/** Removes expired items periodically. @returns a function that stops it. */
function startSweeper(items: Items): () => Promise<void> {
  let sweep = Promise.resolve()
  const timer = setInterval(() => {
    sweep = sweep.then(() => items.sweep(SWEEP_BATCH)).catch(reportSweep)
  }, SWEEP_EVERY_MS)
  return () => {
    clearInterval(timer)
    return sweep
  }
}

function reportSweep(error: unknown): void {
  endIfDamaged(error)
  console.error(error)
}
