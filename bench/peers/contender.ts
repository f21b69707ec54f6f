/** What is measured: a service that takes orders over HTTP and shows them. */
export interface Contender {
  readonly name: string
  /** Afresh: with nothing of an earlier turn. Settles when it takes orders. */
  start(): Promise<Turn>
}

/** A contender while it runs. */
export interface Turn {
  /** What `POST /orders` and `GET /orders/{id}` are added to. */
  readonly base: string
  /** Ends its processes and removes its data. */
  remove(): Promise<void>
}
