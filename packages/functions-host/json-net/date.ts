// Which strings Json.NET reads as dates, and how it writes them again. The server's zone is UTC, as in Azure.
// https://github.com/JamesNK/Newtonsoft.Json/blob/13.0.3/Src/Newtonsoft.Json/Utilities/DateTimeParser.cs and
// DateTimeUtils.cs

import { JsonNetRefusal } from './refusal.ts'

/** The written zone: none if the text had none, Z for UTC, +00:00 for an offset, converted to the server's zone. */
type Zone = '' | 'Z' | '+00:00'

const TICKS_PER_SECOND = 10_000_000n
const TICKS_PER_MINUTE = 60n * TICKS_PER_SECOND
const TICKS_PER_MILLISECOND = 10_000n
const MAX_TICKS = 3_155_378_975_999_999_999n
/** Ticks from the year 1 to 1970. */
const EPOCH_TICKS = 621_355_968_000_000_000n

/**
 * Rewrites a date as Json.NET does.
 * @returns undefined if Json.NET does not read the text as a date.
 * @throws JsonNetRefusal for a date that .NET cannot hold.
 */
export function rewriteDate(text: string): string | undefined {
  if (text.startsWith('/')) return rewriteMicrosoftDate(text)
  if (text.length < 19 || text.length > 40 || text[10] !== 'T') return undefined
  return rewriteIsoDate(text)
}

function rewriteIsoDate(text: string): string | undefined {
  const found = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)/.exec(text)
  if (!found) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number)
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  if (hour > 24 || minute > 59 || second > 59 || (hour === 24 && minute + second > 0)) return undefined
  let rest = text.slice(19)
  let fraction = 0n
  if (rest.startsWith('.')) {
    // Seven digits give ticks; further digits are left for the zone's parser.
    const [digits = ''] = /^\d{0,7}/.exec(rest.slice(1)) ?? []
    if (digits === '') return undefined
    fraction = BigInt(digits.padEnd(7, '0'))
    if (hour === 24 && fraction > 0n) return undefined
    rest = rest.slice(1 + digits.length)
  }
  const zone = parseZone(rest)
  if (!zone) return undefined
  const ticks =
    computeTicks(year, month, day) + BigInt((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction
  if (ticks > MAX_TICKS) throw new JsonNetRefusal(`${text} is a date after the year 9999`)
  const moved = ticks - BigInt(zone.minutes) * TICKS_PER_MINUTE
  return formatDate(moved < 0n ? 0n : moved > MAX_TICKS ? MAX_TICKS : moved, zone.written)
}

/**
 * Parses what follows the seconds. Json.NET skips the hour if it has no sign, and a colon without minutes. So
 * it also accepts `:30` and `12`, as no zone.
 */
function parseZone(text: string): { readonly written: Zone; readonly minutes: number } | undefined {
  if (text === '') return { written: '', minutes: 0 }
  if (text === 'Z' || text === 'z') return { written: 'Z', minutes: 0 }
  const signed = /^[+-]\d\d/.test(text)
  const minutes = /^:?(\d\d)?$/.exec(signed ? text.slice(3) : text)
  if (!minutes) return undefined
  if (!signed) return { written: '', minutes: 0 }
  const offset = Number(text.slice(1, 3)) * 60 + Number(minutes[1] ?? 0)
  return { written: '+00:00', minutes: text.startsWith('-') ? -offset : offset }
}

/** Rewrites `/Date(1234567890123)/`. An offset in it only makes the time local. */
function rewriteMicrosoftDate(text: string): string | undefined {
  if (text.length < 9 || !text.startsWith('/Date(') || !text.endsWith(')/')) return undefined
  const inner = text.slice(6, -2)
  // A sign at the start belongs to the number, not to an offset.
  const plus = inner.indexOf('+', 1)
  const sign = plus === -1 ? inner.indexOf('-', 1) : plus
  // Json.NET checks only the two hour digits of the offset, and the rest only near the beginning of a text.
  if (sign !== -1 && !/^.(\d\d|-\d)/.test(inner.slice(sign))) return undefined
  const digits = sign === -1 ? inner : inner.slice(0, sign)
  if (!/^-?\d{1,19}$/.test(digits)) return undefined
  const milliseconds = BigInt(digits)
  if (BigInt.asIntN(64, milliseconds) !== milliseconds) return undefined
  // The sum wraps around like a 64-bit number.
  const ticks = BigInt.asIntN(64, milliseconds * TICKS_PER_MILLISECOND + EPOCH_TICKS)
  if (ticks < 0n || ticks > MAX_TICKS) throw new JsonNetRefusal(`${text} is a date that .NET cannot hold`)
  return formatDate(ticks, sign === -1 ? 'Z' : '+00:00')
}

function formatDate(ticks: bigint, zone: Zone): string {
  const milliseconds = Number(ticks / TICKS_PER_MILLISECOND - EPOCH_TICKS / TICKS_PER_MILLISECOND)
  const seconds = new Date(milliseconds).toISOString().slice(0, 19)
  const fraction = String(ticks % TICKS_PER_SECOND)
    .padStart(7, '0')
    .replace(/0+$/, '')
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}${zone}`
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function computeTicks(year: number, month: number, day: number): bigint {
  // Date.UTC reads years below 100 as years of the 20th century.
  const midnight = new Date(Date.UTC(2000, month - 1, day)).setUTCFullYear(year, month - 1, day)
  return BigInt(midnight) * TICKS_PER_MILLISECOND + EPOCH_TICKS
}
