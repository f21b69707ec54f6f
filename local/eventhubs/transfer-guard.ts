import type { Connection, Receiver } from 'rhea'
import { type Refusal, tooLarge } from './conditions.ts'
import type { SessionInternals, TransferFrame } from './rhea-internals.ts'

const NO_BYTES = Buffer.alloc(0)

/**
 * Stands before rhea's handling of transfers: has messages handed over as raw bytes, and drops the bytes of a delivery that is
 * larger than `limit` or aborted as they come, so that it is never held in memory.
 * @returns tells, when a delivery is complete, whether and why its bytes were dropped.
 */
export function guardTransfers(
  connection: Connection,
  limit: number,
): (receiver: Receiver) => Refusal | 'aborted' | undefined {
  const sizes = new Map<unknown, number>()
  const dropped = new Map<unknown, Refusal | 'aborted'>()
  const pass = connection.on_transfer.bind(connection)
  connection.on_transfer = (frame: TransferFrame) => {
    const { performative } = frame
    const session = connection.remote_channel_map[frame.channel] as SessionInternals | undefined
    const link = session?.remote.handles[performative.handle]
    // rhea decodes format 0, and hands any other over as it came.
    if (performative.message_format === 0) performative.message_format = null
    const size = (sizes.get(link) ?? 0) + (frame.payload?.length ?? 0)
    if (size > limit) dropped.set(link, tooLarge(limit))
    if (performative.aborted) dropped.set(link, 'aborted')
    if (dropped.has(link) || !frame.payload) frame.payload = NO_BYTES
    if (performative.more) sizes.set(link, size)
    else sizes.delete(link)
    pass(frame)
  }
  return (receiver) => {
    const reason = dropped.get(receiver)
    dropped.delete(receiver)
    return reason
  }
}
