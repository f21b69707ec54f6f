import type { Socket } from 'node:net'

const TEXTS: Readonly<Record<string, readonly [status: string, code: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'RequestHeaderFieldsTooLarge',
    'the headers are too large',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'RequestTimeout', 'the request did not arrive in time'],
}

/** Answers a connection that sends no HTTP request, or none in time. The connection is then closed. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const [status, code, message] = TEXTS[error.code ?? ''] ?? [
    '400 Bad Request',
    'BadRequest',
    'this is not an HTTP request',
  ]
  const body = JSON.stringify({ code, message })
  const length = Buffer.byteLength(body)
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${length}\r\n\r\n${body}`,
    () => socket.destroy(),
  )
}
