import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Context } from '../command/api-command.ts'
import { findView } from '../command/declared.ts'
import { FOUND } from '../command/exit-codes.ts'
import { findDifferences } from '../output/difference.ts'
import { type DifferingDocument, type Kind, printDiffering, toEventsBehind } from './differing.ts'
import { LiveDocuments } from './live-documents.ts'
import { HereProjection } from './projection.ts'

/** The service goes on, so documents that differ are read again, this often at most, with this pause. */
const MAX_ATTEMPTS = 5
const PAUSE_MS = 500
/** How many documents are read at once. */
const CONCURRENCY = 8

/** How many documents that differ are listed, unless `--limit` says. */
export const LISTED = 20

/**
 * Rebuilds a view in memory with this working copy, and compares the documents with the live ones. Writes
 * nothing.
 * @returns the exit code.
 */
export async function dryRun(context: Context, service: string, name: string, limit: number): Promise<number> {
  const { output } = context
  const view = findView(service, name)
  const here = new HereProjection(context, service, view)
  await here.catchUp()
  const live = new LiveDocuments(context.api(service), name)
  const { compared, candidates } = await compareAll(context, here, live)
  const differing = await settle(context, here, live, candidates)
  const documents: DifferingDocument[] = []
  for (const [key, difference] of [...differing].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (documents.length === limit) break
    output.progress(`${service}/${name}: explaining ${key}`)
    const differences = findDifferences(await live.read(key), here.document(key))
    const events = here.behind(key) ?? toEventsBehind(await live.events(key))
    // It has become equal meanwhile.
    if (differences.length === 0) differing.delete(key)
    else documents.push({ key, difference, differences, events })
  }
  const counts = { changed: 0, added: 0, removed: 0 }
  for (const difference of differing.values()) counts[difference] += 1
  const { events, streams } = here
  const more = differing.size > documents.length
  if (output.json) output.value({ service, view: name, events, streams, compared, ...counts, documents, more })
  else {
    output.remark(`${service}/${name}: ${events} events of ${streams} streams, projected here; nothing was written`)
    output.table(
      ['compared', 'changed', 'added', 'removed'].map((title) => ({ title, right: true })),
      [[compared, counts.changed, counts.added, counts.removed]],
    )
    for (const each of documents) printDiffering(output, each, 'here')
    if (more) output.remark(`${differing.size - documents.length} more differ: --limit lists more`)
  }
  return differing.size > 0 ? FOUND : 0
}

/** Compares every live document with that of the projection, and finds the documents that only one has. */
async function compareAll(
  { output }: Context,
  here: HereProjection,
  live: LiveDocuments,
): Promise<{ readonly compared: number; readonly candidates: readonly string[] }> {
  const seen = new Set<string>()
  const candidates = new Set<string>()
  for await (const { key, document } of live.all()) {
    seen.add(key)
    if (!isDeepStrictEqual(document, here.document(key))) candidates.add(key)
    if (seen.size % 100 === 0) output.progress(`compared ${seen.size} documents`)
  }
  for (const key of here.keys())
    if (!seen.has(key)) {
      seen.add(key)
      candidates.add(key)
    }
  return { compared: seen.size, candidates: [...candidates] }
}

/** Reads the candidates again, after everything that the service wrote meanwhile. @returns those that differ. */
async function settle(
  { output, signal }: Context,
  here: HereProjection,
  live: LiveDocuments,
  candidates: readonly string[],
): Promise<Map<string, Kind>> {
  let left = new Map<string, Kind>(candidates.map((key) => [key, 'changed']))
  for (let attempt = 1; attempt <= MAX_ATTEMPTS && left.size > 0; attempt += 1) {
    if (attempt > 1) await delay(PAUSE_MS, undefined, { signal })
    const before = left
    const added = await here.catchUp()
    const found = new Map<string, Kind>()
    const keys = [...left.keys()]
    for (let at = 0; at < keys.length; at += CONCURRENCY) {
      output.progress(`comparing ${at} of ${keys.length} documents again`)
      await Promise.all(
        keys.slice(at, at + CONCURRENCY).map(async (key) => {
          const difference = compare(await live.read(key), here.document(key))
          if (difference) found.set(key, difference)
        }),
      )
    }
    left = found
    if (added === 0 && attempt > 1 && found.size === before.size) break
  }
  return left
}

function compare(live: unknown, here: unknown): Kind | undefined {
  if (isDeepStrictEqual(live, here)) return undefined
  return live === undefined ? 'added' : here === undefined ? 'removed' : 'changed'
}
