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

/** All log levels, from the most output to none. */
export const LOG_LEVELS = Object.keys(RANKS) as readonly LogLevel[]

let threshold = RANKS.information
let rules: ReadonlyMap<string, LogLevel> = new Map()

/** Returns the level of a name, ignoring case; undefined if there is none. */
export function parseLevel(name: string): LogLevel | undefined {
  const level = name.toLowerCase()
  return Object.hasOwn(RANKS, level) ? (level as LogLevel) : undefined
}

/** Sets the lowest level that is logged. The default is information. */
export function setLogLevel(level: LogLevel): void {
  threshold = RANKS[level]
}

/**
 * Sets the log levels of host.json.
 * @param levels the lowest level logged, by category. They do not apply if the level set with `setLogLevel`
 * is below information.
 */
export function setLogRules(levels: ReadonlyMap<string, LogLevel>): void {
  rules = levels
}

/**
 * Returns the level of the longest name that matches the category's beginning. A name can have one `*`
 * wildcard.
 * https://github.com/dotnet/runtime/blob/main/src/libraries/Microsoft.Extensions.Logging/src/LoggerRuleSelector.cs
 */
export function selectLevel(category: string, levels: ReadonlyMap<string, LogLevel>): LogLevel {
  let [best, length]: [LogLevel, number] = ['information', -1]
  for (const [name, level] of levels) {
    const [prefix = '', suffix = ''] = name.toLowerCase() === 'default' ? [] : name.toLowerCase().split('*')
    const its = category.toLowerCase()
    const fits = its.startsWith(prefix) && its.endsWith(suffix)
    const size = name.toLowerCase() === 'default' ? 0 : name.length
    if (fits && size >= length) [best, length] = [level, size]
  }
  return best
}

/**
 * Logs one line: warnings and above to stderr with their level, the rest to stdout.
 * @param category `Function.<name>` for a function, `Function.<name>.User` for its own log lines. host.json
 * may set a level for it.
 */
export function log(level: LogLevel, source: string, message: string, category?: string): void {
  if (RANKS[level] < threshold || level === 'none') return
  if (category && threshold >= RANKS.information && RANKS[level] < RANKS[selectLevel(category, rules)]) return
  const text = message.trim().replace(/\s*\r?\n\s*/g, ' | ')
  // A message that begins with its source needs no prefix.
  const line = /^[: ]/.test(text.slice(source.length)) && text.startsWith(source) ? `${text}\n` : `${source}: ${text}\n`
  if (RANKS[level] >= RANKS.warning) process.stderr.write(`${level} ${line}`)
  else process.stdout.write(line)
}

const MINUTE_MS = 60_000
const MAX_KNOWN = 1000
interface SuppressedLine {
  readonly source: string
  readonly message: string
  readonly category: string | undefined
  count: number
  readonly timer: NodeJS.Timeout
}
const suppressed = new Map<string, SuppressedLine>()

/** Logs the same line of the same source once a minute. At the end of the minute, it logs the suppressed count. */
export function logFailure(source: string, message: string, category?: string): void {
  // Messages that all differ must not fill the memory: above the limit they share one key.
  const key = suppressed.size < MAX_KNOWN ? `${source}: ${message}` : 'other failures'
  const known = suppressed.get(key)
  if (known) {
    known.count += 1
    return
  }
  log('error', source, message, category)
  const held: SuppressedLine = { source, message, category, count: 0, timer: setTimeout(() => release(key), MINUTE_MS) }
  held.timer.unref()
  suppressed.set(key, held)
}

/** Logs how often each line was suppressed. Call it before the host ends. */
export function flushFailures(): void {
  for (const key of suppressed.keys()) release(key)
}

function release(key: string): void {
  const held = suppressed.get(key)
  suppressed.delete(key)
  if (!held) return
  clearTimeout(held.timer)
  if (held.count > 0)
    log('error', held.source, `${held.message} (and ${held.count} more times in this minute)`, held.category)
}

/** Formats an error in one line: its message, and its code if it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as Error & { code?: unknown }).code
  // The SDKs put the attempts of an operation into an aggregate, whose own message is useless.
  const inner = error instanceof AggregateError && error.errors.length > 0 ? describe(error.errors.at(-1)) : ''
  const text = inner || error.message || error.name
  return code === undefined || text.includes(String(code)) ? text : `${text} (${String(code)})`
}
