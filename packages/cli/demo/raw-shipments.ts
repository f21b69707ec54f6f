import { type FoldedLog, type RawItem, readLog } from './raw-fold.ts'

/** Its faults: a gap, goods that left twice or after a cancellation, or that came back but never left. */
export interface ExpectedShipments extends FoldedLog {
  /** What `GET /shipments/{id}` should answer, by order. */
  readonly documents: Map<string, Record<string, unknown>>
  /** The number of events of each shipment. */
  readonly answers: Map<string, number>
}

/** The statuses that a shipment may have before each status. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  dispatched: ['prepared'],
  delivered: ['dispatched'],
  cancelled: ['prepared'],
  recalled: ['dispatched', 'delivered'],
  returned: ['dispatched', 'delivered', 'recalled'],
}

/** The demo's own fold of shipping's raw log. Like raw-fold.ts, it shares no code with the service. */
export function foldRawShipments(items: readonly RawItem[]): ExpectedShipments {
  const { events, versions, faults } = readLog(items)
  const documents = new Map<string, Record<string, unknown>>()
  const answers = new Map<string, number>()
  for (const { stream, version, type, data, time } of events) {
    const id = stream.slice('shipment-'.length)
    answers.set(id, (answers.get(id) ?? 0) + 1)
    const status = type.slice('Shipment'.length).toLowerCase()
    const before = documents.get(id) as RawItem
    const allowed: readonly unknown[] = BEFORE[status] ?? [undefined]
    if (!allowed.includes(before?.status))
      faults.push(`${stream}@${version}: ${status}, though it was ${before?.status}`)
    // The view does not show whose shipment it is.
    const { customerId: _, ...shown } = data
    documents.set(id, { preparedAt: time, ...before, ...shown, status, updatedAt: time })
  }
  return { documents, answers, versions, events: events.length, faults }
}
