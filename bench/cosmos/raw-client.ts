import { connect, type Socket } from 'node:net'

/** The bytes of a request, and the status of its expected answer. */
export interface RawRequest {
  readonly bytes: string
  readonly status: number
}

export interface Load {
  readonly requests: number
  readonly seconds: number
  /** The duration of each request in milliseconds, sorted. */
  readonly latencies: readonly number[]
}

/**
 * Sends requests over several connections, one at a time on each. It only finds the end of each answer, so
 * that the server is measured and not the client.
 * @param next returns the next request, or undefined at the end.
 * @throws Error for an answer with another status.
 */
export async function drive(address: string, connections: number, next: () => RawRequest | undefined): Promise<Load> {
  const { hostname, port } = new URL(address)
  const latencies: number[] = []
  const started = performance.now()
  const worker = async (): Promise<void> => {
    const socket = connect(Number(port), hostname)
    socket.setNoDelay(true)
    try {
      for (let request = next(); request; request = next()) {
        const sent = performance.now()
        await exchange(socket, request)
        latencies.push(performance.now() - sent)
      }
    } finally {
      socket.destroy()
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  const seconds = (performance.now() - started) / 1000
  return { requests: latencies.length, seconds, latencies: latencies.sort((a, b) => a - b) }
}

function exchange(socket: Socket, { bytes, status }: RawRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = ''
    let missing = -1
    const end = (error?: Error): void => {
      socket.off('data', take).off('error', end).off('close', closed)
      if (error) reject(error)
      else resolve()
    }
    const closed = (): void => end(new Error('the server closed the connection'))
    const take = (chunk: Buffer): void => {
      if (missing < 0) {
        head += chunk.toString('latin1')
        const at = head.indexOf('\r\n\r\n')
        if (at < 0) return
        if (!head.startsWith(`HTTP/1.1 ${status} `)) {
          end(new Error(`expected the status ${status}: ${head}`))
          return
        }
        const [, length = '0'] = /\r\ncontent-length: (\d+)/i.exec(head) ?? []
        missing = Number(length) - (head.length - at - 4)
      } else missing -= chunk.length
      if (missing === 0) end()
    }
    socket.on('data', take).on('error', end).on('close', closed)
    socket.write(bytes)
  })
}
