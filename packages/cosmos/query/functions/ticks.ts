const DATE = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?(Z|[+-]\d\d:\d\d)?)?$/
const TICKS_PER_MILLISECOND = 10_000n
const [MIN_MS, MAX_MS] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')]

/** Units of 100 nanoseconds since 1970; undefined for a date or a time that does not exist. */
export function computeTicks(
  year: number,
  month: number,
  day: number,
  hour = 0,
  minute = 0,
  second = 0,
  fraction = 0,
): bigint | undefined {
  // Date.UTC reads a year below 100 as one of the 20th century.
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const isAsGiven =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    fraction < 10_000_000
  return isAsGiven ? BigInt(date.getTime()) * TICKS_PER_MILLISECOND + BigInt(fraction) : undefined
}

/** The ticks of an ISO 8601 text, in UTC when it has no zone. */
export function parseTicks(text: unknown): bigint | undefined {
  const match = typeof text === 'string' ? DATE.exec(text) : null
  if (!match) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0))
  const ticks = computeTicks(
    year ?? 0,
    month ?? 0,
    day ?? 0,
    hour,
    minute,
    second,
    Number((match[7] ?? '').padEnd(7, '0')),
  )
  const [sign, zoneHours, zoneMinutes] = /^([+-])(\d\d):(\d\d)$/.exec(match[8] ?? '')?.slice(1) ?? []
  if (ticks === undefined || sign === undefined) return ticks
  const offset = BigInt(Number(zoneHours) * 60 + Number(zoneMinutes)) * 600_000_000n
  return sign === '+' ? ticks - offset : ticks + offset
}

/** `YYYY-MM-DDThh:mm:ss.fffffffZ`; undefined outside the years 1 to 9999. */
export function formatTicks(ticks: bigint | undefined): string | undefined {
  if (ticks === undefined) return undefined
  const rest = ((ticks % TICKS_PER_MILLISECOND) + TICKS_PER_MILLISECOND) % TICKS_PER_MILLISECOND
  const milliseconds = Number((ticks - rest) / TICKS_PER_MILLISECOND)
  if (!(milliseconds >= MIN_MS && milliseconds <= MAX_MS)) return undefined
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${String(rest).padStart(4, '0')}Z`
}
