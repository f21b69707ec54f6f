import type { Position } from './access/position.ts'
import type { CompiledQuery } from './compile/queries.ts'
import { ITEM } from './compile/queries.ts'
import type { Frame } from './evaluation/frame.ts'
import type { ScannedItem } from './scan.ts'

/** A row that passes WHERE. Its values are in the frame until the next row is read. */
export interface Row extends Position {
  readonly text: string
}

/** The rows that FROM and JOIN make from each item. */
export function* listRows(query: CompiledQuery, frame: Frame, items: Iterable<ScannedItem>): Generator<Row> {
  const { bind, where, isPlain } = query
  for (const { number, pk, id, text, value, order } of items) {
    frame.values[ITEM] = value
    let place = 0
    for (const _ of bind(frame)) {
      if (!where || where(frame) === true) yield { number, pk, id, text, order, place: isPlain ? undefined : place }
      place += 1
    }
  }
}

/** The JSON of a row's result; undefined when it has no value. */
export function formatResult({ isWhole, result }: CompiledQuery, frame: Frame, text: string): string | undefined {
  return isWhole ? text : JSON.stringify(result(frame))
}
