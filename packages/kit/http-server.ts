import type { IncomingMessage, Server } from 'node:http'

/** Accepts no more connections, waits up to `withinMs` for open requests, then closes all connections. */
export async function closeServer(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), withinMs)
  await closed
  clearTimeout(timer)
}

/** Reads and discards the rest of a body, so that a client that still writes then reads the answer. */
export async function drain(message: IncomingMessage): Promise<void> {
  if (message.complete || message.destroyed) return
  await new Promise<void>((resolve) => {
    message.on('end', resolve).on('close', resolve).on('error', resolve).resume()
  })
}
