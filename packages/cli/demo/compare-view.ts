import { isDeepStrictEqual } from 'node:util'
import type { Client } from './client.ts'
import { expectShown } from './encrypted-texts.ts'
import { inParallel, readAllPages } from './reading.ts'

/** A view with one document for each stream of a category, and the documents that follow from the log. */
interface ExpectedView {
  /** Stands before the id in a reported difference. */
  readonly what: string
  readonly path: string
  readonly category: string
  readonly documents: ReadonlyMap<string, Record<string, unknown>>
  /** The last version of each stream. */
  readonly versions: ReadonlyMap<string, number>
  /** The field that names a document. */
  readonly id: string
  /** All statuses by which lists can be filtered. */
  readonly statuses: readonly string[]
}

/**
 * Compares each document with the log. Reads it at the last position of its stream, so the view has caught
 * up. Then compares the lists by status: each document appears once, under its own status, and there are no
 * others.
 * @returns the number of documents in the lists.
 */
export async function compareView(client: Client, view: ExpectedView, differences: string[]): Promise<number> {
  await inParallel(view.documents, async ([id, document]) => {
    const stream = `${view.category}-${id}`
    const version = view.versions.get(stream)
    const answer = await client.get(`${view.path}/${id}?position=${encodeURIComponent(`${stream}@${version}`)}`)
    if (!isDeepStrictEqual(answer.body, expectShown(document, answer.body)))
      differences.push(
        `${view.what} ${id}: the log says ${JSON.stringify(document)}, the view ${JSON.stringify(answer.body)}`,
      )
    else if (answer.headers.get('etag') !== `"${version}"`)
      differences.push(`${view.what} ${id}: the log is at ${version}, the view at ${answer.headers.get('etag')}`)
  })
  return compareLists(client, view, differences)
}

async function compareLists(client: Client, view: ExpectedView, differences: string[]): Promise<number> {
  let listed = 0
  for (const status of view.statuses) {
    const ids = (await readAllPages(client, `${view.path}?status=${status}&limit=100`)).map((each) =>
      String(each[view.id]),
    )
    const should = [...view.documents].flatMap(([id, document]) => (document.status === status ? [id] : []))
    listed += ids.length
    if (new Set(ids).size !== ids.length) differences.push(`${view.path} ${status}: the list has a document twice`)
    for (const id of new Set(should).difference(new Set(ids)))
      differences.push(`${view.path} ${status}: the list lacks ${id}`)
    for (const id of new Set(ids).difference(new Set(should)))
      differences.push(`${view.path} ${status}: the list should not have ${id}`)
  }
  return listed
}

/**
 * Compares the documents of a multi-stream view, once it has reached the end of each stream. Without a category it
 * follows all of them.
 */
export async function compareGathered(
  client: Client,
  view: Pick<ExpectedView, 'what' | 'path' | 'documents' | 'versions' | 'id'> & Partial<Pick<ExpectedView, 'category'>>,
  differences: string[],
): Promise<void> {
  const prefix = view.category === undefined ? '' : `${view.category}-`
  const streams = [...view.versions].filter(([stream]) => stream.startsWith(prefix))
  await inParallel(streams, async ([stream, version]) => {
    await client.get(`${view.path}?limit=1&position=${encodeURIComponent(`${stream}@${version}`)}`)
  })
  const shown = new Map(
    (await readAllPages(client, `${view.path}?limit=100`)).map((each) => [String(each[view.id]), each]),
  )
  for (const [id, document] of view.documents)
    if (!isDeepStrictEqual(shown.get(id), document))
      differences.push(
        `${view.what} ${id}: the log says ${JSON.stringify(document)}, the view ${JSON.stringify(shown.get(id))}`,
      )
  for (const id of shown.keys()) if (!view.documents.has(id)) differences.push(`${view.what} ${id}: the log has none`)
}
