/** An action of the functions' process, as recorded by `tally.ts`. `at` is milliseconds since the epoch. */
export type Note =
  | {
      readonly at: number
      readonly kind: 'cosmos'
      /** The database's name. */
      readonly service: string
      readonly container: string
      readonly operation: string
      readonly status: number
      /** The value of `x-ms-request-charge`. */
      readonly charge: number
      /** The partition key as in its header; empty without one. */
      readonly partition: string
    }
  | { readonly at: number; readonly kind: 'blob'; readonly operation: string }
  /** A batch for a log, and what it was to write. It is also among the requests to Cosmos DB. */
  | {
      readonly at: number
      readonly kind: 'append'
      readonly stream: string
      readonly commits: number
      readonly events: number
      readonly receipts: number
      /** Whether it succeeded. */
      readonly written: boolean
      readonly charge: number
    }
  /** A batch, with the size of its AMQP message. */
  | {
      readonly at: number
      readonly kind: 'sent'
      readonly hub: string
      readonly events: number
      readonly bytes: number
    }
  | {
      readonly at: number
      readonly kind: 'received'
      readonly hub: string
      readonly group: string
      readonly events: number
    }

export type CosmosNote = Extract<Note, { kind: 'cosmos' }>
export type AppendNote = Extract<Note, { kind: 'append' }>
