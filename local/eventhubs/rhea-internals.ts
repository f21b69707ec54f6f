import type { Receiver, Sender } from 'rhea'
import rhea from 'rhea'

// What this server uses of rhea 3.0.5 beyond its typings, in one place.

/** `lib/session.js`, Outgoing. */
interface Outgoing {
  next_transfer_id: number
  remote_next_transfer_id: number | undefined
  available(): number
  transfer_window(): number
}

export interface SessionInternals {
  readonly outgoing: Outgoing
  readonly remote: { readonly handles: Record<number, unknown> }
}

/** `lib/link.js`, Sender: `_draining` is set while the peer waits for its credit to be used up. */
export interface SenderInternals {
  readonly credit: number
  readonly _draining: boolean
}

/** The fields of a transfer that the guards read and write. */
export interface TransferFrame {
  readonly channel: number
  readonly performative: {
    readonly handle: number
    message_format: number | null
    readonly more: boolean | undefined
    readonly aborted: boolean | undefined
  }
  payload: Buffer | undefined
}

export const sessionOf = (link: Sender | Receiver): SessionInternals => link.session as unknown as SessionInternals
export const creditOf = (link: Sender | Receiver): SenderInternals => link as unknown as SenderInternals

interface ReaderPrototype {
  remaining(): number
  read_array_items(count: number, type: unknown): unknown
  read_n(count: number): unknown
}

/**
 * rhea believes the element count of an array or list: one frame of 20 bytes could ask for four billion nulls, each of no
 * bytes. No value of more elements than bytes is let in.
 */
export function boundElementCounts(): void {
  const prototype = (rhea.types as unknown as { Reader: { prototype: ReaderPrototype & { bounded?: true } } }).Reader
    .prototype
  if (prototype.bounded) return
  prototype.bounded = true
  const { read_array_items: readItems, read_n: readN } = prototype
  prototype.read_array_items = function (count, type) {
    if (count > this.remaining()) throw new RangeError(`an array of ${count} elements in ${this.remaining()} bytes`)
    return readItems.call(this, count, type)
  }
  prototype.read_n = function (count) {
    if (count > this.remaining()) throw new RangeError(`a list of ${count} elements in ${this.remaining()} bytes`)
    return readN.call(this, count)
  }
}
