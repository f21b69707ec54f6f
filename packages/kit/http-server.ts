import type { IncomingMessage, Server } from 'node:http'

/** Takes no more connections, answers what was asked within so many milliseconds, and ends those that are there. */
export async function closeServer(server: Server, withinMs: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), withinMs)
  await closed
  clearTimeout(timer)
}

/** Reads what is left of a body that nobody wants, so that a client that still writes sees the answer. */
export async function drain(message: IncomingMessage): Promise<void> {
  if (message.complete || message.destroyed) return
  await new Promise<void>((resolve) => {
    message.on('end', resolve).on('close', resolve).on('error', resolve).resume()
  })
}
