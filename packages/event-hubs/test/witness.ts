import assert from 'node:assert/strict'
import { once } from 'node:events'
import rhea, { type Connection, type EventContext, type Sender } from 'rhea'
import { within } from '../../test-support/wait.ts'
import { parseHostAndPort } from './support.ts'

const KEY_NAME = 'RootManageSharedAccessKey'
const KEY = 'SAS_KEY_VALUE'

export const SASL_PLAIN = { username: KEY_NAME, password: KEY } as const

/**
 * A well-behaved client whose connection stays open during all attacks. On request it sends an event over the
 * connection and receives it. Attacks on the server must not affect it.
 */
export class Witness {
  readonly #connection: Connection
  readonly #sender: Sender
  readonly #waiting = new Map<number, () => void>()
  readonly #lost: Promise<never>
  #sent = 0
  #sequence = -1

  private constructor(connection: Connection, hub: string) {
    this.#connection = connection
    const lost = Promise.withResolvers<never>()
    this.#lost = lost.promise
    this.#lost.catch(() => {})
    for (const event of ['disconnected', 'connection_error', 'session_error', 'sender_error', 'receiver_error'])
      connection.on(event, () => lost.reject(new Error(`a client that did nothing wrong: ${event}`)))
    this.#sender = connection.open_sender(`${hub}/Partitions/0`)
    const receiver = connection.open_receiver({
      source: `${hub}/ConsumerGroups/$Default/Partitions/0`,
      credit_window: 100,
    })
    receiver.on('message', ({ message }: EventContext) => {
      const sequence: number = message?.message_annotations?.['x-opt-sequence-number']
      if (sequence !== this.#sequence + 1)
        lost.reject(new Error(`sequence number ${sequence} came after ${this.#sequence}`))
      this.#sequence = sequence
      this.#waiting.get(Number(message?.body.content))?.()
    })
  }

  static async connect(connectionString: string, hub: string): Promise<Witness> {
    const { host, port } = parseHostAndPort(connectionString)
    const connection = rhea.create_container().connect({ host, port, reconnect: false, ...SASL_PLAIN })
    const witness = new Witness(connection, hub)
    await within(Promise.race([once(witness.#sender, 'sendable'), witness.#lost]), "the witness's credit")
    return witness
  }

  get events(): number {
    return this.#sent
  }

  /** Sends and receives one event. @throws Error if it does not arrive, or the connection has ended. */
  async sendAndReceive(): Promise<void> {
    const number = this.#sent++
    const received = new Promise<void>((resolve) => this.#waiting.set(number, resolve))
    this.#sender.send({ body: rhea.message.data_section(Buffer.from(String(number))) })
    await within(Promise.race([received, this.#lost]), `event ${number} of a client that did nothing wrong`)
    this.#waiting.delete(number)
    assert.equal(this.#sequence, number)
  }

  close(): void {
    this.#connection.removeAllListeners('disconnected')
    this.#connection.close()
  }
}
