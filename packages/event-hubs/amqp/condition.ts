/** An error as AMQP carries it (AMQP 1.0 part 2, 2.8.14): SDKs choose by the condition whether to try again. */
export interface Condition {
  readonly condition: string
  readonly description: string
}

/** The peer breaks the protocol: its session or its whole connection ends with this. */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
  readonly condition: string
  /** Whether the session alone ends. */
  readonly session: boolean

  constructor(condition: string, description: string, { session = false }: { readonly session?: boolean } = {}) {
    super(description)
    this.condition = condition
    this.session = session
  }
}
