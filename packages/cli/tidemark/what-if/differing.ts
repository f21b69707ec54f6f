import type { Comparison } from 'tidemark/tools'
import type { Context } from '../command/api-command.ts'
import { type Difference, findDifferences } from '../output/difference.ts'
import type { Output } from '../output/output.ts'
import { plain } from '../output/text.ts'
import { LiveDocuments } from './live-documents.ts'
import { type EventsBehind, REMEMBERED } from './projection.ts'

export type Kind = 'added' | 'removed' | 'changed'

/** A document that differs from the live one. */
export interface DifferingDocument {
  readonly key: string
  readonly difference: Kind
  readonly differences: readonly Difference[]
  readonly events: EventsBehind
}

/** A generation that the service has compared with the live one. */
interface Compared {
  readonly service: string
  readonly view: string
  readonly target: number
  readonly comparison: Comparison
}

/** Reads the examples of a comparison from both generations, and the events behind each. */
export async function explainExamples(
  { api, output }: Context,
  { service, view, target, comparison }: Compared,
): Promise<readonly DifferingDocument[]> {
  const live = new LiveDocuments(api(service), view)
  const documents: DifferingDocument[] = []
  for (const { key, difference } of comparison.examples) {
    output.progress(`${service}/${view}: explaining ${key}`)
    const differences = findDifferences(await live.read(key), await live.read(key, target))
    documents.push({ key, difference, differences, events: toEventsBehind(await live.events(key)) })
  }
  return documents
}

export function toEventsBehind(events: readonly string[]): EventsBehind {
  return { count: events.length, newest: events.slice(-REMEMBERED) }
}

/** @param other the title of the documents that are compared with the live ones. */
export function printDiffering(
  output: Output,
  { key, difference, differences, events }: DifferingDocument,
  other: 'here' | 'built',
): void {
  output.line()
  output.line(output.styled('bold', `${difference} ${plain(key)}`))
  output.table(
    [{ title: 'path' }, { title: 'what' }, { title: 'live', flexible: true }, { title: other, flexible: true }],
    differences.map(({ path, kind, before, after }) => [path || '(all)', kind, shown(before), shown(after)]),
  )
  const left = events.count - events.newest.length
  output.line(`events: ${left > 0 ? `${left} older, ` : ''}${plain(events.newest.join(', '))}`)
}

function shown(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value)
}
