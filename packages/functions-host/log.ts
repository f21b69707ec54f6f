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

/** From all to nothing. */
export const LOG_LEVELS = Object.keys(RANKS) as readonly LogLevel[]

let threshold = RANKS.information
let rules: ReadonlyMap<string, LogLevel> = new Map()

/** The level of a name, whatever its case. */
export function parseLevel(name: string): LogLevel | undefined {
  const level = name.toLowerCase()
  return Object.hasOwn(RANKS, level) ? (level as LogLevel) : undefined
}

/** From which level on anything is logged: information unless this is called. */
export function setLogLevel(level: LogLevel): void {
  threshold = RANKS[level]
}

/**
 * @param levels from which level on a category is logged, as host.json says it. Who asks for more than
 * information is shown all of that.
 */
export function setLogRules(levels: ReadonlyMap<string, LogLevel>): void {
  rules = levels
}

/**
 * The level of the longest name that a category begins with; one `*` in it stands for anything.
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
 * One line: warnings and worse to stderr with their level, the rest to stdout.
 * @param category that of a function, `Function.<name>`, or of what it logs itself, `Function.<name>.User`:
 * host.json may have a level for it.
 */
export function log(level: LogLevel, source: string, message: string, category?: string): void {
  if (RANKS[level] < threshold || level === 'none') return
  if (category && threshold >= RANKS.information && RANKS[level] < RANKS[selectLevel(category, rules)]) return
  const text = message.trim().replace(/\s*\r?\n\s*/g, ' | ')
  // Who names itself need not be named.
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

/** The same line of the same source once a minute; at the end of the minute how often it was held back. */
export function logFailure(source: string, message: string, category?: string): void {
  // Messages that are never the same must not fill the memory: past the bound they are all one.
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

/** Says how often each line was held back, before the host ends. */
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

/** An error in one line: its message, and its code where it has one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = (error as Error & { code?: unknown }).code
  // The SDKs put the attempts of an operation into an aggregate, whose own message says nothing.
  const inner = error instanceof AggregateError && error.errors.length > 0 ? describe(error.errors.at(-1)) : ''
  const text = inner || error.message || error.name
  return code === undefined || text.includes(String(code)) ? text : `${text} (${String(code)})`
}
