import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { StartError } from '../kit/errors.ts'
import { listen } from '../kit/listen.ts'

// Below the ephemeral ports (/proc/sys/net/ipv4/ip_local_port_range), so that nobody takes a port between its
// choice and its use. Chosen at random, because other tests choose at the same time.
const [FIRST, LAST] = [20_000, 32_000]
const TRIES = 100

/** A port that nobody listens on. A server that was started on it can restart on it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const server = createServer()
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    try {
      await listen(server, port, 'a test')
    } catch (error) {
      if (error instanceof StartError) continue
      throw error
    }
    await new Promise((resolve) => server.close(resolve))
    return port
  }
  throw new Error(`no free port in ${TRIES} tries`)
}

/** Whether a server accepts connections on a port. */
export async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Settings for a separate local cloud and host, on free ports. @param dataDir the folder of their data. */
export async function ownSettings(dataDir: string): Promise<Record<string, string>> {
  return {
    TIDEMARK_HTTP_PORT: String(await freePort()),
    TIDEMARK_BLOB_PORT: String(await freePort()),
    TIDEMARK_EVENTHUBS_PORT: String(await freePort()),
    TIDEMARK_COSMOS_PORT: String(await freePort()),
    TIDEMARK_DATA: dataDir,
    // Otherwise other accounts on the test machine would make a token required.
    TIDEMARK_REQUIRE_TOKEN: '0',
  }
}

/** Checks that all ports of the settings are free. @throws naming the setting of one that is not. */
export async function nobodyListens(env: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, port] of Object.entries(env)) {
    if (!name.endsWith('_PORT')) continue
    const server = createServer()
    await listen(server, Number(port), name)
    server.close()
  }
}
