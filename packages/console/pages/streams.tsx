import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { DocumentPage, StreamPage, StreamRow, ViewList, ViewRow } from '../api/contract.ts'
import { inline, isRefusal, summary, Time } from '../lib/format.tsx'
import { asProblem, useLoad } from '../lib/load.ts'
import { go, href, type Route, streamHref } from '../lib/route.ts'
import { askAll, readAbout, useServices } from '../lib/system.tsx'
import { Empty, Loading, Page, ProblemFace, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Table } from '../parts/table.tsx'

export function StreamsPage({ route }: { readonly route: Route }): VNode {
  const services = useServices()
  const q = route.query.get('q') ?? ''
  const only = route.query.get('service') ?? ''
  const category = route.query.get('category') ?? ''
  const asked = services.filter(({ name }) => only === '' || name === only)
  return (
    <Page
      title={q === '' ? 'Streams' : `Found for “${q}”`}
      intro={
        q === ''
          ? 'The newest streams of each service. The search above finds streams by their id, by the beginning of ' +
            'their name, or by any text in a view.'
          : 'Streams by their names, and documents of views that contain the text.'
      }
      tools={<Filters only={only} category={category} q={q} />}
    >
      {q !== '' && <Matches q={q} services={asked} />}
      {q !== '' && <h2>Streams by name</h2>}
      {asked.map((service) => (
        <ServiceStreams key={`${service.api} ${q} ${category}`} service={service} q={q} category={category} />
      ))}
    </Page>
  )
}

function Filters({
  only,
  category,
  q,
}: {
  readonly only: string
  readonly category: string
  readonly q: string
}): VNode {
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  const categories = (abouts.value ?? [])
    .filter(({ service }) => only === '' || service.name === only)
    .flatMap(({ value }) => value?.categories.map(({ name }) => name) ?? [])
  const to = (next: { service?: string; category?: string }): void =>
    go(href(['streams'], { q, service: only, category, ...next }))
  return (
    <>
      <label>
        Service
        <select value={only} onChange={({ currentTarget }) => to({ service: currentTarget.value, category: '' })}>
          <option value="">all</option>
          {services.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        Category
        <select value={category} onChange={({ currentTarget }) => to({ category: currentTarget.value })}>
          <option value="">all</option>
          {categories.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </>
  )
}

interface Held {
  readonly rows: readonly StreamRow[]
  readonly continuation?: string
  readonly problem?: Problem
  readonly loading: boolean
}

/** A list with a button for more. */
function ServiceStreams({
  service,
  q,
  category,
}: {
  readonly service: Service
  readonly q: string
  readonly category: string
}): VNode | null {
  const [held, setHeld] = useState<Held>({ rows: [], loading: true })
  const [categories, setCategories] = useState<readonly string[] | undefined>(
    category === '' && q === '' ? [] : undefined,
  )
  useEffect(() => {
    if (categories === undefined)
      readAbout(service).then(
        (about) => setCategories(about.categories.map(({ name }) => name)),
        () => setCategories([]),
      )
  }, [])
  const known = categories === undefined ? undefined : category === '' || q !== '' || categories.includes(category)
  const more = async (continuation?: string): Promise<void> => {
    setHeld((before) => ({ ...before, loading: true }))
    try {
      const page = await listStreams(service, { q, category, continuation, categories: categories ?? [] })
      setHeld((before) => ({
        rows: distinct(continuation === undefined ? page.items : [...before.rows, ...page.items]),
        loading: false,
        ...(page.continuation ? { continuation: page.continuation } : {}),
      }))
    } catch (error) {
      setHeld((before) => ({ ...before, loading: false, problem: asProblem(error) }))
    }
  }
  useEffect(() => {
    if (known) void more()
  }, [known])
  if (known === false) return null
  const { rows, loading, problem, continuation } = held
  if (q !== '' && rows.length === 0 && !loading && !problem)
    return <p class="muted">{service.name} has no stream whose name or id begins with this text.</p>
  return (
    <section class="card" aria-label={`Streams of ${service.name}`}>
      <h2>{service.name}</h2>
      {problem && <ProblemFace problem={problem} retry={() => void more()} />}
      {rows.length > 0 && (
        <Table label="Streams" class="wide" columns={['Stream', { right: 'Version' }, 'Last recorded', 'Changed']}>
          {rows.map(({ stream, version, time, types }) => (
            <tr key={stream}>
              <th scope="row">
                <a class="break" href={streamHref(service.name, stream)}>
                  {stream}
                </a>
              </th>
              <td class="right num" data-label="version">
                {version}
              </td>
              <td>
                <TypeChips types={types} />
              </td>
              <td>
                <Time at={time} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {rows.length === 0 && !loading && !problem && <Empty>No streams yet.</Empty>}
      {loading && <Loading what="streams" />}
      {continuation && !loading && (
        <button type="button" onClick={() => void more(continuation)}>
          More streams of {service.name}
        </button>
      )}
    </section>
  )
}

/** Drops older rows of a stream. A stream that is written meanwhile may appear again on a later page. */
function distinct(rows: readonly StreamRow[]): readonly StreamRow[] {
  return [...new Map(rows.toReversed().map((row) => [row.stream, row])).values()].toReversed()
}

/**
 * Lists streams by the beginning of the name. The text may also be an id, so tries it after each category
 * too.
 */
async function listStreams(
  service: Service,
  asked: { q: string; category: string; continuation: string | undefined; categories: readonly string[] },
): Promise<StreamPage> {
  const { q, category, continuation, categories } = asked
  if (q === '') return get(service, '/streams', { category, limit: 25, continuation })
  const prefixes = [q, ...(category === '' ? categories : [category]).map((name) => `${name}-${q}`)]
  if (continuation !== undefined) return get(service, '/streams', { prefix: q, limit: 25, continuation })
  const pages = await Promise.all(prefixes.map((prefix) => get<StreamPage>(service, '/streams', { prefix, limit: 25 })))
  const [byName] = pages
  return {
    items: pages.flatMap(({ items }) => items),
    ...(byName?.continuation ? { continuation: byName.continuation } : {}),
  }
}

export function TypeChips({ types }: { readonly types: readonly string[] }): VNode {
  return (
    <span class="chips">
      {types.map((type, index) => (
        <span key={`${index} ${type}`} class={isRefusal(type) ? 'chip is-refusal' : 'chip'}>
          {type}
        </span>
      ))}
    </span>
  )
}

interface Match {
  readonly service: string
  readonly view: ViewRow
  readonly key: string
  readonly document: unknown
}

/** The documents of every view that contain the text. */
function Matches({ q, services }: { readonly q: string; readonly services: readonly Service[] }): VNode {
  const loaded = useLoad(`matches ${q} ${services.map(({ api }) => api)}`, async (signal) => {
    const answers = await askAll(services, async (service) => {
      const views = await get<ViewList>(service, '/views', {}, signal)
      const found = await Promise.all(
        views.items.map(async (view): Promise<readonly Match[]> => {
          const path = `/views/${view.name}/documents`
          const page = await get<DocumentPage>(service, path, { search: q, limit: 20 }, signal)
          return page.items.map(({ key, document }) => ({ service: service.name, view, key, document }))
        }),
      )
      return found.flat()
    })
    return { answers, matches: answers.flatMap(({ value = [] }) => value) }
  })
  return (
    <section class="card" aria-label="Matching documents">
      <h2>Documents of views</h2>
      <WhenLoaded loaded={loaded} what={`documents with “${q}”`}>
        {({ answers, matches }) => (
          <>
            <ServiceProblems answers={answers} />
            {matches.length === 0 ? (
              <Empty>None of the first documents contains “{q}”. Search further on the page of a view.</Empty>
            ) : (
              <ul class="matches">
                {matches.map(({ service, view, key, document }) => (
                  <li key={`${service} ${view.name} ${key}`}>
                    <a
                      class="break"
                      href={
                        view.kind === 'one-stream'
                          ? streamHref(service, key)
                          : href(['views', service, view.name], { key })
                      }
                    >
                      {key}
                    </a>{' '}
                    <span class="muted small">
                      view {view.name}, {service}
                    </span>
                    <span class="break">{summary(document, key)}</span>
                    <span class="small muted break">{around(document, q)}</span>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </WhenLoaded>
    </section>
  )
}

/** The part of the document around the found text. */
function around(document: unknown, text: string): string {
  const whole = inline(document)
  const at = whole.toLowerCase().indexOf(text.toLowerCase())
  if (at < 0) return whole.slice(0, 140)
  const from = Math.max(0, at - 50)
  return (
    `${from > 0 ? '…' : ''}${whole.slice(from, at + text.length + 90)}` +
    `${at + text.length + 90 < whole.length ? '…' : ''}`
  )
}
