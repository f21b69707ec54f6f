/** What the functions' process did, as `tally.ts` writes it down. `at` is milliseconds since the epoch. */
export type Note =
  | {
      readonly at: number
      readonly kind: 'cosmos'
      /** The database. */
      readonly service: string
      readonly container: string
      readonly operation: string
      readonly status: number
      /** `x-ms-request-charge`. */
      readonly charge: number
      /** The value of the partition key as its header has it; empty where there is none. */
      readonly partition: string
    }
  | { readonly at: number; readonly kind: 'blob'; readonly operation: string }
  /** A batch for a log, which is among the requests to Cosmos DB too: what was to be written. */
  | {
      readonly at: number
      readonly kind: 'append'
      readonly stream: string
      readonly commits: number
      readonly events: number
      readonly receipts: number
      /** Whether it wrote. */
      readonly written: boolean
      readonly charge: number
    }
  /** A batch, as large as its AMQP message. */
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
