import { type FoldedLog, type RawItem, readLog } from './raw-fold.ts'

/** An order's money, in minor units. */
interface OrderMoney {
  authorised: number
  captured: number
  voided: number
  refunded: number
  /** The number of its events: authorised, declined, captured, voided, refunded, expired. */
  answers: number
}

/** Its faults: a gap, more captured than authorised, more refunded than captured, an expiry before the deadline. */
export interface ExpectedPayments extends FoldedLog {
  /** What `GET /payments/{id}` should answer, by order. */
  readonly documents: Map<string, Record<string, unknown>>
  /** What `GET /takings/{currency}` should answer, by currency. */
  readonly totals: Map<string, Record<string, unknown>>
  readonly money: Map<string, OrderMoney>
}

const NAMES = {
  PaymentAuthorised: 'authorised',
  PaymentDeclined: 'declined',
  PaymentVoided: 'voided',
  PaymentCaptured: 'captured',
  PaymentRefunded: 'refunded',
  PaymentExpired: 'expired',
} as const

/** The demo's own fold of payments' raw log. Like raw-fold.ts, it shares no code with the service. */
export function foldRawPayments(items: readonly RawItem[]): ExpectedPayments {
  const { events, versions, faults } = readLog(items)
  const expected: ExpectedPayments = {
    documents: new Map(),
    totals: new Map(),
    money: new Map(),
    versions,
    events: events.length,
    faults,
  }
  for (const event of events) {
    const name = NAMES[event.type as keyof typeof NAMES]
    if (name === undefined) applyOpened(expected, event)
    else applyOutcome(expected, event, name)
  }
  return expected
}

function applyOpened({ documents, money }: ExpectedPayments, { data, time }: RawItem): void {
  const { orderId, amount, method, due } = data
  const rest = { captured: 0, refunded: 0, openedAt: time, updatedAt: time }
  documents.set(orderId, { orderId, status: 'open', method, amount, due, ...rest })
  money.set(orderId, { authorised: 0, captured: 0, voided: 0, refunded: 0, answers: 0 })
}

function applyOutcome(
  { documents, totals, money, faults }: ExpectedPayments,
  { stream, version, data, time }: RawItem,
  name: (typeof NAMES)[keyof typeof NAMES],
): void {
  const { amount, currency } = data.amount
  const document = documents.get(data.orderId) as RawItem
  const sums = money.get(data.orderId)
  if (document === undefined || sums === undefined) {
    faults.push(`${stream}@${version}: ${name}, but never requested`)
    return
  }
  if (currency !== document.amount.currency) faults.push(`${stream}@${version}: ${name} in ${currency}`)
  sums.answers += 1
  if (name !== 'declined' && name !== 'expired') sums[name] += amount
  if (name === 'expired' && document.status !== 'open')
    faults.push(`${stream}@${version}: expired, though it was ${document.status}`)
  if (name === 'expired' && Date.parse(time) < Date.parse(document.due))
    faults.push(`${stream}@${version}: expired at ${time}, before its deadline ${document.due}`)
  if (sums.captured + sums.voided > sums.authorised)
    faults.push(`${stream}@${version}: more is captured and voided than authorised`)
  if (sums.refunded > sums.captured) faults.push(`${stream}@${version}: more is refunded than captured`)
  if (name === 'captured' && ['voided', 'declined', 'expired'].includes(document.status))
    faults.push(`${stream}@${version}: captured, though it was ${document.status}`)

  document.updatedAt = time
  document.status = name === 'refunded' && sums.refunded < sums.captured ? 'captured' : name
  document.captured = sums.captured
  document.refunded = sums.refunded
  if (data.reference !== undefined) document.reference = data.reference
  if (data.reason !== undefined) document.reason = data.reason

  const none = { count: 0, amount: 0 }
  const sum = (totals.get(currency) as RawItem) ?? {
    currency,
    ...Object.fromEntries(Object.values(NAMES).map((each) => [each, none])),
  }
  sum[name] = { count: sum[name].count + 1, amount: sum[name].amount + amount }
  totals.set(currency, sum)
}
