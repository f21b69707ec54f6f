/** A measured service, which accepts orders over HTTP and shows them. */
export interface Contender {
  readonly name: string
  /** Starts without data of an earlier turn. Resolves once it accepts orders. */
  start(): Promise<Turn>
}

/** A running contender. */
export interface Turn {
  /** The base of `POST /orders` and `GET /orders/{id}`. */
  readonly base: string
  /** Ends its processes and removes its data. */
  remove(): Promise<void>
}
