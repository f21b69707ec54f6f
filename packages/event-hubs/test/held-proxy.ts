import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/**
 * A proxy that can withhold the server's answers: a client's sends take effect, but the acknowledgements are
 * lost.
 */
export class HeldProxy {
  readonly #server: Server
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>()
  #holding = false

  private constructor(port: number) {
    this.#server = createServer((client) => {
      const server = connect(port, '127.0.0.1')
      const pair = [client, server] as const
      this.#pairs.add(pair)
      client.on('data', (bytes) => server.write(bytes))
      server.on('data', (bytes) => {
        if (!this.#holding) client.write(bytes)
      })
      for (const socket of pair) {
        socket.on('error', () => {})
        socket.on('close', () => this.#end(pair))
      }
    })
  }

  static async start(port: number): Promise<HeldProxy> {
    const proxy = new HeldProxy(port)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Withholds the server's answers from now on. */
  hold(): void {
    this.#holding = true
  }

  /** Ends all connections and drops the withheld answers. New connections are served. */
  drop(): void {
    this.#holding = false
    for (const pair of this.#pairs) this.#end(pair)
  }

  async stop(): Promise<void> {
    this.drop()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #end(pair: readonly [Socket, Socket]): void {
    this.#pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }
}
