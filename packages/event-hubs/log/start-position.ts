/** Where a receiver starts: at the first event whose `key` is at least `min`. All three keys grow along a partition. */
export interface StartPosition {
  readonly key: 'sequence' | 'offset' | 'time'
  readonly min: number
}

/** A start position, or `latest`: the end of the partition when the receiver attaches. */
type StartFilter = StartPosition | 'latest'

export const EARLIEST: StartPosition = { key: 'sequence', min: 0 }

/** The SDKs for JavaScript, Java and Python quote the value; the .NET SDK does not. */
const SELECTOR =
  /^\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*(>=?)\s*(?:'([^']*)'|([^'\s]+))\s*$/

/**
 * Reads the selector filter of a receiver's source, such as `amqp.annotation.x-opt-offset > '42'`.
 * @returns undefined for a selector that the real service does not support either.
 */
export function parseSelector(selector: string): StartFilter | undefined {
  const [, name, operator, quoted, bare] = SELECTOR.exec(selector) ?? []
  const value = quoted ?? bare
  if (value === undefined) return undefined
  if (name === 'offset' && value === '@latest') return 'latest'
  const number = name === 'enqueued-time' && !/^-?\d+$/.test(value) ? Date.parse(value) : decimal(value)
  if (!Number.isSafeInteger(number)) return undefined
  const key = name === 'offset' ? 'offset' : name === 'sequence-number' ? 'sequence' : 'time'
  // The service uses offset -1 for the start, inclusive or not.
  return { key, min: operator === '>=' ? number : number + 1 }
}

const decimal = (text: string): number => (/^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN)
