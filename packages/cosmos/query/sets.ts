import { createHash } from 'node:crypto'
import { formatCanonical } from '../values/values.ts'
import { compareOrder } from './access/position.ts'
import { type CompiledQuery, Groups } from './compile/queries.ts'
import type { Frame } from './evaluation/frame.ts'
import { formatResult, type Row } from './rows.ts'

/** A result that stands for any number of rows. */
interface SetMember {
  readonly key: string
  readonly text: string
  readonly order: readonly unknown[]
}

const LONGEST_KEY = 300

/**
 * All results of a query with groups, an aggregate or DISTINCT, in an order that depends only on themselves.
 * The next page computes them again and resumes after this page's last.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/group-by
 */
export function buildSet(query: CompiledQuery, frame: Frame, rows: Iterable<Row>): readonly SetMember[] {
  const members = new Map<string, SetMember>()
  const add = (identity: string, text: string | undefined, order: readonly unknown[]): void => {
    if (text === undefined) return
    const key = shortenKey(query.distinct ? formatCanonical(JSON.parse(text)) : identity)
    const known = members.get(key)
    if (!known) frame.work.keep((key.length + text.length) * 2 + 200)
    // Its first place in the order counts.
    if (!known || compareOrder(query.orderBy, order, known.order) < 0) members.set(key, { key, text, order })
  }
  if (query.group) {
    const groups = new Groups(query.group)
    for (const _ of rows) groups.add(frame)
    for (const { identity, keys, aggregates } of groups.all())
      add(identity, JSON.stringify(query.result({ ...frame, keys, aggregates })), [])
  } else for (const row of rows) add('', formatResult(query, frame, row.text), row.order)
  return [...members.values()].sort((a, b) => compareMembers(query, a, b))
}

export function compareMembers(
  { orderBy }: CompiledQuery,
  a: Omit<SetMember, 'text'>,
  b: Omit<SetMember, 'text'>,
): number {
  return compareOrder(orderBy, a.order, b.order) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)
}

/** Shortens a key for the continuation. */
function shortenKey(key: string): string {
  if (key.length <= LONGEST_KEY) return key
  return key.slice(0, LONGEST_KEY) + createHash('sha256').update(key).digest('base64url')
}
