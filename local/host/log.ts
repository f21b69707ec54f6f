import { StartError } from '../kit/errors.ts'
import type { LogLevel } from './protocol.ts'

const RANKS: Readonly<Record<LogLevel, number>> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
}

let threshold = RANKS.information

/** @throws StartError for a level that there is not. */
export function setLogLevel(level: string): void {
  if (!Object.hasOwn(RANKS, level))
    throw new StartError(
      `TIDEMARK_LOG_LEVEL is ${JSON.stringify(level)}: set it to one of ${Object.keys(RANKS).join(', ')}`,
    )
  threshold = RANKS[level as LogLevel]
}

/** One line: warnings and worse to stderr with their level, the rest to stdout. */
export function log(level: LogLevel, source: string, message: string): void {
  if (RANKS[level] < threshold || level === 'none') return
  const line = `${source}: ${message.trim().replace(/\s*\r?\n\s*/g, ' | ')}\n`
  if (RANKS[level] >= RANKS.warning) process.stderr.write(`${level} ${line}`)
  else process.stdout.write(line)
}

const MINUTE_MS = 60_000
const MAX_KNOWN = 1000
const suppressed = new Map<string, { source: string; message: string; count: number; timer: NodeJS.Timeout }>()

/** The same line of the same source once a minute; at the end of the minute how often it was held back. */
export function logFailure(source: string, message: string): void {
  // Messages that are never the same must not fill the memory: past the bound they are all one.
  const key = suppressed.size < MAX_KNOWN ? `${source}: ${message}` : 'other failures'
  const known = suppressed.get(key)
  if (known) {
    known.count += 1
    return
  }
  log('error', source, message)
  const held = { source, message, count: 0, timer: setTimeout(() => release(key), MINUTE_MS) }
  held.timer.unref()
  suppressed.set(key, held)
}

/** Says how often each line was held back, before the host ends. */
export function flushFailures(): void {
  for (const key of suppressed.keys()) release(key)
}

function release(key: string): void {
  const held = suppressed.get(key)
  suppressed.delete(key)
  if (!held) return
  clearTimeout(held.timer)
  if (held.count > 0) log('error', held.source, `${held.message} (and ${held.count} more times in this minute)`)
}

/** An error in one line: its message, and its code where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as Error & { code?: unknown }).code
  // The SDKs put the attempts of an operation into an aggregate, whose own message says nothing.
  const inner = error instanceof AggregateError && error.errors.length > 0 ? describe(error.errors.at(-1)) : ''
  const text = inner || error.message || error.name
  return code === undefined || text.includes(String(code)) ? text : `${text} (${String(code)})`
}
