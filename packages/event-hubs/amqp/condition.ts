/** An AMQP error (AMQP 1.0 part 2, 2.8.14). SDKs decide by the condition whether to retry. */
export interface Condition {
  readonly condition: string
  readonly description: string
}

/** The peer broke the protocol. The error ends its session or its whole connection. */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
  readonly condition: string
  /** True: only the session ends. */
  readonly session: boolean

  constructor(condition: string, description: string, { session = false }: { readonly session?: boolean } = {}) {
    super(description)
    this.condition = condition
    this.session = session
  }
}
