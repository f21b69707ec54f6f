import type { VNode } from 'preact'
import type { Service } from '../api/client.ts'
import type { ViewRow } from '../api/contract.ts'
import { useDocumentPages } from '../lib/document-pages.ts'
import { count, plural, summary } from '../lib/format.tsx'
import { go, href, type Route } from '../lib/route.ts'
import { Document } from './document.tsx'
import { Empty, Loading, ProblemFace } from './faces.tsx'
import { VirtualList } from './virtual-list.tsx'

/** A list that loads more as it is scrolled. */
export function Documents({
  service,
  view,
  route,
}: {
  readonly service: Service
  readonly view: ViewRow
  readonly route: Route
}): VNode {
  const { query } = route
  const filters = Object.fromEntries(Object.keys(view.filters).map((name) => [name, query.get(name) ?? '']))
  const search = query.get('search') ?? ''
  const key = query.get('key') ?? ''
  const pages = useDocumentPages(service, view.name, { ...filters, search })
  const to = (next: Readonly<Record<string, string>>): void =>
    go(href(['views', service.name, view.name], { ...Object.fromEntries(query), ...next }), true)
  const { count: known, state, problem } = pages
  return (
    <>
      <form
        class="tools filters"
        onSubmit={(event) => {
          event.preventDefault()
          to({ search: String(new FormData(event.currentTarget).get('search') ?? '') })
        }}
      >
        {Object.entries(view.filters).map(([name, values]) => (
          <label key={name} htmlFor={`filter-${name}`}>
            {name}
            {typeof values === 'string' && values !== 'boolean' ? (
              <input
                id={`filter-${name}`}
                value={filters[name] ?? ''}
                placeholder="all"
                onChange={({ currentTarget }) => to({ [name]: currentTarget.value.trim() })}
              />
            ) : (
              <select
                id={`filter-${name}`}
                value={filters[name] ?? ''}
                onChange={({ currentTarget }) => to({ [name]: currentTarget.value })}
              >
                <option value="">all</option>
                {(values === 'boolean' ? ['true', 'false'] : values).map((value) => (
                  <option key={value}>{value}</option>
                ))}
              </select>
            )}
          </label>
        ))}
        <label>
          Text
          <input type="search" name="search" defaultValue={search} placeholder="anywhere in a document" />
        </label>
        <button type="submit">Search</button>
      </form>
      <div class="columns">
        <section class="card" aria-labelledby="documents">
          <div class="card-head">
            <h2 id="documents">Documents</h2>
            <span class="muted small num" role="status">
              {plural(known, 'document')}
              {search === '' ? '' : ` of ${count(pages.searched)} searched`}
              {state === 'all' ? '' : ', more available'}
            </span>
          </div>
          {problem && <ProblemFace problem={problem} retry={pages.retry} />}
          {known === 0 && state === 'all' && <Empty>No document matches.</Empty>}
          {known === 0 && state === 'loading' && <Loading what="documents" />}
          {known > 0 && (
            <VirtualList
              label="Documents"
              count={known}
              rowHeight={48}
              onRange={pages.want}
              render={(index) => {
                const row = pages.row(index)
                if (!row) return <span class="event-row muted">…</span>
                return (
                  <button
                    type="button"
                    class="event-row"
                    aria-current={row.key === key}
                    onClick={() => to({ key: row.key })}
                  >
                    <span class="event-main">
                      <span class="event-line">
                        <span class="event-name clip">{row.key}</span>
                        {row.version !== undefined && <span class="muted small num">version {row.version}</span>}
                      </span>
                      <span class="event-line muted small">
                        <span class="clip">{summary(row.document, row.key)}</span>
                      </span>
                    </span>
                  </button>
                )
              }}
            />
          )}
          {state === 'more' && !problem && (
            <button type="button" class="after-list" onClick={pages.more}>
              {search === '' ? 'More documents' : 'Search further'}
            </button>
          )}
        </section>
        <section class="card" aria-label="Document">
          {key === '' ? (
            <Empty>Choose a document.</Empty>
          ) : (
            <Document key={key} service={service} view={view} docKey={key} />
          )}
        </section>
      </div>
    </>
  )
}
