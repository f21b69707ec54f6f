import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { listen } from '../../local/kit/listen.ts'

/** A port that nobody listens on: what is started on it can come back on it. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server, 0, 'a test')
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Whether somebody accepts connections there. */
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

/** Settings for a local cloud and a host of their own, on free ports. @param dataDir where they keep their data. */
export async function ownSettings(dataDir: string): Promise<Record<string, string>> {
  return {
    TIDEMARK_HTTP_PORT: String(await freePort()),
    TIDEMARK_BLOB_PORT: String(await freePort()),
    TIDEMARK_EVENTHUBS_PORT: String(await freePort()),
    TIDEMARK_COSMOS_PORT: String(await freePort()),
    TIDEMARK_DATA: dataDir,
  }
}

/** Settles when all ports of the settings are free. @throws naming the setting of one that is not. */
export async function nobodyListens(env: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, port] of Object.entries(env)) {
    if (!name.endsWith('_PORT')) continue
    const server = createServer()
    await listen(server, Number(port), name)
    server.close()
  }
}
