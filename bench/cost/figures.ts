import type { AppendNote, CosmosNote, Note } from './note.ts'
import { isStanding } from './tallied.ts'

export interface Sum {
  readonly requests: number
  readonly charge: number
}

/** The average requests and charges of `by` operations, sorted by key. */
function sumBy<Counted extends CosmosNote | AppendNote>(
  notes: readonly Counted[],
  by: number,
  selectKey: (note: Counted) => string | undefined,
): Record<string, Sum> {
  const sums = new Map<string, Sum>()
  for (const note of notes) {
    const key = selectKey(note)
    if (key === undefined) continue
    const { requests, charge } = sums.get(key) ?? { requests: 0, charge: 0 }
    sums.set(key, { requests: requests + 1 / by, charge: charge + note.charge / by })
  }
  return Object.fromEntries([...sums].toSorted(([a], [b]) => a.localeCompare(b)))
}

const requestsIn = (notes: readonly Note[]): CosmosNote[] => notes.filter((note) => note.kind === 'cosmos')
const appendsIn = (notes: readonly Note[]): AppendNote[] => notes.filter((note) => note.kind === 'append')

export function sumAll(sums: Record<string, Sum>): Sum {
  const all = Object.values(sums)
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    charge: all.reduce((sum, { charge }) => sum + charge, 0),
  }
}

/** Requests caused by work: by service, container and operation. */
export const moving = (notes: readonly Note[], by: number): Record<string, Sum> =>
  sumBy(requestsIn(notes), by, (note) =>
    isStanding(note) ? undefined : `${note.service}/${note.container} ${note.operation}`,
  )

/** Requests made at all times, also at rest. */
export const standing = (notes: readonly Note[], by: number): Record<string, Sum> =>
  sumBy(requestsIn(notes), by, (note) =>
    isStanding(note) ? `${note.service}/${note.container || 'account'} ${note.operation}` : undefined,
  )

/** Appends by the category of their stream and their place in it. The first is that of the creating command. */
export function appends(notes: readonly Note[], by: number): Record<string, Sum> {
  const seen = new Map<string, number>()
  return sumBy(appendsIn(notes), by, ({ stream, commits, written }) => {
    const category = stream.slice(0, stream.indexOf('-'))
    if (!written) return `${category}, refused by the log`
    if (commits === 0) return `${category}, only receipts`
    const nth = (seen.get(stream) ?? 0) + 1
    seen.set(stream, nth)
    return category === 'stock' ? category : `${category} ${nth}`
  })
}

export interface Appended {
  readonly batches: number
  readonly commits: number
  readonly events: number
  readonly receipts: number
}

/** What was appended to the logs, per operation. */
export function appended(notes: readonly Note[], by: number): Appended {
  const written = appendsIn(notes).filter((note) => note.written)
  const sum = (field: 'commits' | 'events' | 'receipts'): number =>
    written.reduce((total, note) => total + note[field] / by, 0)
  return { batches: written.length / by, commits: sum('commits'), events: sum('events'), receipts: sum('receipts') }
}

export interface HubTraffic {
  readonly sent: number
  readonly sends: number
  /** The size of the AMQP messages. */
  readonly bytes: number
  readonly received: number
  /** Each is one execution of a function. */
  readonly batches: number
}

/** The traffic of the hubs, per operation. */
export function traffic(notes: readonly Note[], by: number): Record<string, HubTraffic> {
  const hubs: Record<string, HubTraffic> = {}
  for (const note of notes) {
    if (note.kind !== 'sent' && note.kind !== 'received') continue
    const { sent, sends, bytes, received, batches } = hubs[note.hub] ?? {
      sent: 0,
      sends: 0,
      bytes: 0,
      received: 0,
      batches: 0,
    }
    hubs[note.hub] =
      note.kind === 'sent'
        ? { sent: sent + note.events / by, sends: sends + 1 / by, bytes: bytes + note.bytes / by, received, batches }
        : { sent, sends, bytes, received: received + note.events / by, batches: batches + 1 / by }
  }
  return hubs
}

/** Requests to the host storage, per operation. */
export function blobs(notes: readonly Note[], by: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const note of notes) if (note.kind === 'blob') counts[note.operation] = (counts[note.operation] ?? 0) + 1 / by
  return counts
}
