import type { AddressInfo, Server } from 'node:net'
import { StartError } from './errors.ts'

/** The only address on which the local cloud listens: it is not meant for other machines. */
export const LOOPBACK = '127.0.0.1'

/** A Host header by which a client on this machine reaches it. */
export const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i

/**
 * Listens on loopback.
 * @param port 0 for any free port.
 * @param setting the setting that changes the port, named in the error.
 * @returns the port listened on.
 * @throws StartError if the port is taken or not permitted.
 */
export async function listen(server: Server, port: number, setting: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        reject(new StartError(`port ${port} is in use: stop what listens there, or set ${setting} to another port`))
      else if (error.code === 'EACCES')
        reject(new StartError(`port ${port} may not be used by this user: set ${setting} to another port`))
      else reject(error)
    })
    server.listen({ host: LOOPBACK, port }, resolve)
  })
  server.removeAllListeners('error')
  return (server.address() as AddressInfo).port
}
