import { type BuiltIn, builtIn, isNumber, isText } from './built-in.ts'
import { computeTicks, formatTicks, parseTicks } from './ticks.ts'

type Unit = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond' | 'microsecond' | 'nanosecond'

const UNITS: Readonly<Record<string, Unit>> = {
  year: 'year',
  yyyy: 'year',
  yy: 'year',
  month: 'month',
  mm: 'month',
  m: 'month',
  day: 'day',
  dd: 'day',
  d: 'day',
  hour: 'hour',
  hh: 'hour',
  minute: 'minute',
  mi: 'minute',
  n: 'minute',
  second: 'second',
  ss: 'second',
  s: 'second',
  millisecond: 'millisecond',
  ms: 'millisecond',
  microsecond: 'microsecond',
  mcs: 'microsecond',
  nanosecond: 'nanosecond',
  ns: 'nanosecond',
}

const TICKS: Readonly<Record<Exclude<Unit, 'year' | 'month' | 'nanosecond'>, bigint>> = {
  day: 864_000_000_000n,
  hour: 36_000_000_000n,
  minute: 600_000_000n,
  second: 10_000_000n,
  millisecond: 10_000n,
  microsecond: 10n,
}

const parseUnit = (text: unknown): Unit | undefined =>
  isText(text) && Object.hasOwn(UNITS, text) ? UNITS[text] : undefined

const floor = (ticks: bigint, unit: bigint): bigint => ticks / unit - (ticks % unit < 0n ? 1n : 0n)

/** Months since the year 0. */
function countMonths(ticks: bigint): number {
  const date = toDate(ticks)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

const toDate = (ticks: bigint): Date => new Date(Number(floor(ticks, TICKS.millisecond)))

function add(ticks: bigint, unit: Unit, count: number): bigint | undefined {
  if (unit === 'nanosecond') return ticks + BigInt(Math.trunc(count / 100))
  if (unit !== 'year' && unit !== 'month') return ticks + BigInt(count) * TICKS[unit]
  const date = toDate(ticks)
  const months = countMonths(ticks) + count * (unit === 'year' ? 12 : 1)
  const [year, month] = [Math.floor(months / 12), ((months % 12) + 12) % 12]
  // The day is cut to the length of the month.
  const day = Math.min(
    date.getUTCDate(),
    new Date(Date.UTC(2000 + (((year % 400) + 400) % 400), month + 1, 0)).getUTCDate(),
  )
  const midnight = computeTicks(year, month + 1, day)
  return midnight === undefined ? undefined : midnight + (ticks - floor(ticks, TICKS.day) * TICKS.day)
}

/** How many times the unit begins between the two. */
function difference(unit: Unit, from: bigint, to: bigint): number {
  if (unit === 'nanosecond') return Number(to - from) * 100
  if (unit === 'month') return countMonths(to) - countMonths(from)
  if (unit === 'year') return toDate(to).getUTCFullYear() - toDate(from).getUTCFullYear()
  return Number(floor(to, TICKS[unit]) - floor(from, TICKS[unit]))
}

function readPart(unit: Unit, ticks: bigint): number {
  const date = toDate(ticks)
  const fraction = Number(ticks - floor(ticks, TICKS.second) * TICKS.second)
  const parts: Readonly<Record<Unit, number>> = {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    millisecond: Math.floor(fraction / 10_000),
    microsecond: Math.floor(fraction / 10),
    nanosecond: fraction * 100,
  }
  return parts[unit]
}

function bin(ticks: bigint, unit: Unit, size: number, origin: bigint): bigint | undefined {
  if (unit === 'nanosecond') return undefined
  if (unit === 'year' || unit === 'month') {
    const step = size * (unit === 'year' ? 12 : 1)
    return add(origin, 'month', Math.floor((countMonths(ticks) - countMonths(origin)) / step) * step)
  }
  const step = BigInt(size) * TICKS[unit]
  return origin + floor(ticks - origin, step) * step
}

const formatDateTime = (milliseconds: number): string | undefined =>
  formatTicks(BigInt(milliseconds) * TICKS.millisecond)
const toTicks = (milliseconds: number): number => milliseconds * 10_000

/**
 * The same time for all items of a partition, taken when the query is bound. So an index serves a comparison
 * with it.
 * https://learn.microsoft.com/cosmos-db/query/getcurrenttimestampstatic
 */
const STATIC_FUNCTIONS = {
  GETCURRENTDATETIMESTATIC: builtIn(0, 0, (_, work) => formatDateTime(work.now)),
  GETCURRENTTICKSSTATIC: builtIn(0, 0, (_, work) => toTicks(work.now)),
  GETCURRENTTIMESTAMPSTATIC: builtIn(0, 0, (_, work) => work.now),
}
export const STATIC: ReadonlyMap<string, BuiltIn> = new Map(Object.entries(STATIC_FUNCTIONS))

/**
 * Evaluated for each item, so no index serves a comparison with it.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/getcurrenttimestamp
 */
const NONSTATIC_FUNCTIONS = {
  GETCURRENTDATETIME: builtIn(0, 0, () => formatDateTime(Date.now())),
  GETCURRENTTICKS: builtIn(0, 0, () => toTicks(Date.now())),
  GETCURRENTTIMESTAMP: builtIn(0, 0, () => Date.now()),
}

/**
 * Dates are texts `YYYY-MM-DDThh:mm:ss.fffffffZ`. Ticks are units of 100 nanoseconds since 1970.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/date-time-functions
 */
export const DATES = {
  DATETIMEADD: builtIn(3, 3, ([part, count, date]) => {
    const [unit, ticks] = [parseUnit(part), parseTicks(date)]
    return unit && ticks !== undefined && Number.isSafeInteger(count)
      ? formatTicks(add(ticks, unit, Number(count)))
      : undefined
  }),
  DATETIMEBIN: builtIn(2, 4, ([date, part, size = 1, start = '1970-01-01']) => {
    const [unit, ticks, origin] = [parseUnit(part), parseTicks(date), parseTicks(start)]
    if (!unit || ticks === undefined || origin === undefined || !Number.isSafeInteger(size) || Number(size) <= 0)
      return undefined
    return formatTicks(bin(ticks, unit, Number(size), origin))
  }),
  DATETIMEDIFF: builtIn(3, 3, ([part, start, end]) => {
    const [unit, from, to] = [parseUnit(part), parseTicks(start), parseTicks(end)]
    return unit && from !== undefined && to !== undefined ? difference(unit, from, to) : undefined
  }),
  DATETIMEFROMPARTS: builtIn(3, 7, (parts) => {
    if (!parts.every((part) => Number.isInteger(part) && Number(part) >= 0)) return undefined
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, fraction = 0] = parts as number[]
    return formatTicks(computeTicks(year, month, day, hour, minute, second, fraction))
  }),
  DATETIMEPART: builtIn(2, 2, ([part, date]) => {
    const [unit, ticks] = [parseUnit(part), parseTicks(date)]
    return unit && ticks !== undefined ? readPart(unit, ticks) : undefined
  }),
  DATETIMETOTICKS: builtIn(1, 1, ([date]) => {
    const ticks = parseTicks(date)
    return ticks === undefined ? undefined : Number(ticks)
  }),
  DATETIMETOTIMESTAMP: builtIn(1, 1, ([date]) => {
    const ticks = parseTicks(date)
    return ticks === undefined ? undefined : Number(floor(ticks, TICKS.millisecond))
  }),
  TICKSTODATETIME: builtIn(1, 1, ([ticks]) =>
    isNumber(ticks) && Number.isInteger(ticks) ? formatTicks(BigInt(ticks)) : undefined,
  ),
  TIMESTAMPTODATETIME: builtIn(1, 1, ([milliseconds]) =>
    isNumber(milliseconds) && Number.isInteger(milliseconds)
      ? formatTicks(BigInt(milliseconds) * TICKS.millisecond)
      : undefined,
  ),
  ...NONSTATIC_FUNCTIONS,
  ...STATIC_FUNCTIONS,
}
