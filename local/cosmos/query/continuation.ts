import { badRequest } from '../failure.ts'
import { isObject } from '../json.ts'

// The token comes and goes in a header, of which Node's HTTP takes 16 KB in all.
const MAX_LENGTH = 8192

/** Where a page ended: the order's values and the item, so that a page goes on right whatever was written meanwhile. */
export interface Mark {
  readonly order: readonly unknown[]
  readonly pk: string
  readonly id: string
  /** How many results came before: for LIMIT and OFFSET. */
  readonly seen: number
}

/** @throws Failure 400 for a mark that no header can hold. */
export function writeMark({ order, pk, id, seen }: Mark): string {
  // JSON knows no undefined: a field that is missing does.
  const mark = { order: order.map((value) => ({ value })), pk, id, seen }
  const text = Buffer.from(JSON.stringify(mark)).toString('base64')
  if (text.length > MAX_LENGTH) throw badRequest('a value of ORDER BY is too long to continue after')
  return text
}

/** @throws Failure 400 for a text that this endpoint did not give for this query. */
export function readMark(text: string, terms: number): Mark {
  const mark = parse(text)
  const { order, pk, id, seen } = isObject(mark) ? mark : {}
  if (
    !Array.isArray(order) ||
    order.length !== terms ||
    !order.every(isObject) ||
    typeof pk !== 'string' ||
    typeof id !== 'string' ||
    !Number.isSafeInteger(seen)
  )
    throw badRequest('the continuation is not one that this endpoint gave for this query')
  return { order: order.map(({ value }) => value), pk, id, seen: Number(seen) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString())
  } catch {
    return undefined
  }
}
