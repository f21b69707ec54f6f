import type { VNode } from 'preact'

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
})
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const number = new Intl.NumberFormat('en-GB')

export function count(value: number): string {
  return number.format(value)
}

export function plural(value: number, one: string): string {
  return `${count(value)} ${value === 1 ? one : `${one}s`}`
}

export function rate(perSecond: number): string {
  return `${perSecond >= 10 || perSecond === 0 ? Math.round(perSecond) : perSecond.toFixed(1)}/s`
}

export function seconds(value: number): string {
  if (value < 120) return `${Math.round(value)} s`
  if (value < 7200) return `${Math.round(value / 60)} min`
  if (value < 172_800) return `${Math.round(value / 3600)} h`
  return `${Math.round(value / 86_400)} days`
}

/** A time in the reader's time zone. The title shows it as the service sent it. */
export function Time({ at, exact = false }: { readonly at: string; readonly exact?: boolean }): VNode {
  const date = new Date(at)
  const today = date.toDateString() === new Date().toDateString()
  const ms = exact ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : ''
  return (
    <time dateTime={at} title={at} class="num">
      {today ? '' : `${day.format(date)} `}
      {clock.format(date)}
      {ms}
    </time>
  )
}

/** A value in one line. */
export function inline(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value) ?? ''
}

const MOMENT = /^\d{4}-\d\d-\d\dT/

/**
 * A one-line summary of an event's data: the reason first, then other short values. Leaves out times, and the
 * id that is in the stream's name.
 */
export function summary(data: unknown, stream: string): string {
  if (typeof data !== 'object' || data === null) return inline(data)
  const id = stream.slice(stream.indexOf('-') + 1)
  const short = Object.entries(data).flatMap(([name, value]): [string, string][] => {
    const text = isShort(value) ? String(value) : shortParts(value)
    return text === '' || text === id || MOMENT.test(text) ? [] : [[name, text]]
  })
  const answers = short.toSorted(([a], [b]) => Number(isReason(b)) - Number(isReason(a)))
  return answers.map(([name, value]) => `${name}: ${value}`).join(' · ')
}

function isShort(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** The values of an object, if all of them are short. */
function shortParts(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ''
  const parts = Object.values(value)
  return parts.every(isShort) ? parts.join(', ') : ''
}

function isReason(name: string): boolean {
  return /reason|status/i.test(name)
}

/** The reasons in an event's data, by field. */
export function listReasons(data: unknown): readonly [string, string][] {
  if (typeof data !== 'object' || data === null) return []
  return Object.entries(data).filter(
    (pair): pair is [string, string] => /reason/i.test(pair[0]) && typeof pair[1] === 'string',
  )
}

/** Whether an event's type says that something went wrong. Lists highlight such events. */
export function isRefusal(type: string): boolean {
  return /(Rejected|Declined|Failed|Expired|Refused|Cancelled)$/.test(type)
}
