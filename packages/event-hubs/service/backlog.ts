import type { AmqpConnection } from '../amqp/connection.ts'

/**
 * Limits of the bytes that wait for the disk, for one connection and for the whole process. Above a limit,
 * sockets are not read, whatever credit they have.
 */
const CONNECTION_LIMIT = 8 * 1024 * 1024
const PROCESS_LIMIT = 32 * 1024 * 1024

let processBytes = 0
const paused = new Set<Backlog>()

/** Bytes of one connection that wait for the disk. */
export class Backlog {
  readonly #connection: AmqpConnection
  #bytes = 0

  constructor(connection: AmqpConnection) {
    this.#connection = connection
  }

  add(bytes: number): void {
    this.#bytes += bytes
    processBytes += bytes
    if (this.#bytes <= CONNECTION_LIMIT && processBytes <= PROCESS_LIMIT) return
    paused.add(this)
    this.#connection.pause('backlog')
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    processBytes -= bytes
    if (paused.size === 0 || processBytes > PROCESS_LIMIT) return
    for (const backlog of paused) {
      if (backlog.#bytes > CONNECTION_LIMIT) continue
      paused.delete(backlog)
      backlog.#connection.resume('backlog')
    }
  }
}
