import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get, type Problem, post, type Service } from '../api/client.ts'
import type { Rebuild, ViewList, ViewRow } from '../api/contract.ts'
import { useDocumentPages } from '../lib/document-pages.ts'
import { count, inline, plural, summary, Time } from '../lib/format.tsx'
import { asProblem, usePoll } from '../lib/load.ts'
import { go, href, type Route, streamHref } from '../lib/route.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Empty, Loading, Page, ProblemFace, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Tree } from '../parts/tree.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'
import { asActor, ofAll, type ServiceAnswer, useServices } from '../system.tsx'

const REST_MS = 10_000
const BUSY_MS = 1000

export function ViewsPage({ route }: { readonly route: Route }): VNode {
  const [, service, view] = route.path
  const services = useServices()
  const [busy, setBusy] = useState(false)
  const loaded = usePoll(
    'views',
    (signal) => ofAll(services, (each) => get<ViewList>(each, '/views', {}, signal)),
    busy ? BUSY_MS : REST_MS,
  )
  const answers = loaded.value
  const running =
    answers?.some(({ value }) => value?.items.some(({ rebuild }) => rebuild?.state === 'running')) ?? false
  useEffect(() => setBusy(running), [running])
  const its = services.find(({ name }) => name === service)
  if (service !== undefined && view !== undefined) {
    const row = answers?.find((each) => each.service.name === service)
    return (
      <Page
        title={view}
        intro={
          <>
            A view of {service}. <a href={href(['views'])}>All views</a>
          </>
        }
      >
        <WhenLoaded loaded={loaded} what="the view">
          {() => {
            const found = row?.value?.items.find(({ name }) => name === view)
            if (row?.error !== undefined) return <ServiceProblems answers={[row]} retry={loaded.reload} />
            if (!its || !found) return <Empty>There is no such view.</Empty>
            return (
              <>
                <Generations service={its} view={found} reload={loaded.reload} />
                <Documents
                  key={`${service}/${view} ${filterKey(route, found)}`}
                  service={its}
                  view={found}
                  route={route}
                />
              </>
            )
          }}
        </WhenLoaded>
      </Page>
    )
  }
  return (
    <Page
      title="Views"
      intro="What the services answer queries from. Each can be made again from the log while it is read."
    >
      <WhenLoaded loaded={loaded} what="the views">
        {(value) => (
          <>
            <ServiceProblems answers={value} retry={loaded.reload} />
            {value.map((each) => (
              <ServiceViews key={each.service.api} answer={each} />
            ))}
          </>
        )}
      </WhenLoaded>
    </Page>
  )
}

function ServiceViews({ answer: { service, value } }: { readonly answer: ServiceAnswer<ViewList> }): VNode | null {
  if (!value) return null
  return (
    <section class="card" aria-label={`Views of ${service.name}`}>
      <h2>{service.name}</h2>
      <div class="scroll-x">
        <table class="wide">
          <thead>
            <tr>
              <th scope="col">View</th>
              <th scope="col">Live</th>
              <th scope="col">Made of</th>
              <th scope="col">Rebuild</th>
            </tr>
          </thead>
          <tbody>
            {value.items.map(({ name, kind, category, live, rebuild }) => (
              <tr key={name}>
                <th scope="row">
                  <a href={href(['views', service.name, name])}>{name}</a>
                </th>
                <td class="num" data-label="generation">
                  {live}
                </td>
                <td>
                  {kind === 'one-stream'
                    ? `one document for each ${category}`
                    : `documents of many streams, of ${category}`}
                </td>
                <td data-label="rebuild">{rebuild ? stateOf(rebuild) : 'none'}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function stateOf({ state, commits, total }: Rebuild): string {
  return state === 'running' ? `running, ${count(commits)} of ${count(total)}` : state
}

function Generations({
  service,
  view,
  reload,
}: {
  readonly service: Service
  readonly view: ViewRow
  readonly reload: () => void
}): VNode {
  const [asking, setAsking] = useState<'rebuild' | 'go-back'>()
  const [problem, setProblem] = useState<Problem>()
  const { rebuild, generations } = view
  const running = rebuild?.state === 'running'
  const back = generations.some(({ role }) => role === 'previous')
  const act = async (action: 'rebuild' | 'go-back'): Promise<void> => {
    setAsking(undefined)
    setProblem(undefined)
    try {
      await post(service, `/views/${view.name}/${action}`, {}, asActor())
    } catch (error) {
      setProblem(asProblem(error))
    }
    reload()
  }
  return (
    <section class="card" aria-labelledby="generations">
      <div class="card-head">
        <h2 id="generations">Generations</h2>
        <div class="tools">
          <button type="button" disabled={running} onClick={() => setAsking('rebuild')}>
            Rebuild…
          </button>
          <button type="button" disabled={running || !back} onClick={() => setAsking('go-back')}>
            Go back…
          </button>
        </div>
      </div>
      {problem && <ProblemFace problem={problem} />}
      <ul class="chips generations">
        {generations.map(({ number, role, left }) => (
          <li key={number} class={role === 'live' ? 'chip is-live' : 'chip'}>
            {number}: {role === 'writing' ? 'being built' : role}
            {left ? (
              <>
                , left <Time at={left} />
              </>
            ) : null}
          </li>
        ))}
      </ul>
      {rebuild && <Progress rebuild={rebuild} />}
      {asking === 'rebuild' && (
        <Confirm
          title={`Rebuild ${view.name}?`}
          action="Rebuild"
          cancel={() => setAsking(undefined)}
          confirm={() => void act('rebuild')}
        >
          The next generation is made from the log, beside the live one. Queries go on to read the live one until the
          next has all of it. The one before is kept.
        </Confirm>
      )}
      {asking === 'go-back' && (
        <Confirm
          title={`Go back to the generation before of ${view.name}?`}
          action="Go back"
          cancel={() => setAsking(undefined)}
          confirm={() => void act('go-back')}
        >
          Queries read the generation before from then on, once it has all that the live one has.
        </Confirm>
      )}
    </section>
  )
}

const stages = {
  reading: 'reading the log',
  handover: 'handing over',
  comparing: 'comparing',
  built: 'built',
  live: 'live',
} as const

function Progress({ rebuild }: { readonly rebuild: Rebuild }): VNode {
  const { action, state, stage, target, commits, total, by, startedAt, updatedAt, code, reason } = rebuild
  const to = target === undefined ? '' : ` to generation ${target}`
  const what = action === 'rebuild' ? `Rebuild${to}` : `Way back${to}`
  return (
    <div class={state === 'failed' ? 'face face-problem' : 'note'} role="status">
      <strong>{what}</strong>:{' '}
      {state === 'running'
        ? `${stages[stage]}, ${count(commits)} of ${count(total)}`
        : `${state}, ${plural(commits, 'commit')}`}
      . By {by}, <Time at={startedAt} />
      {state === 'running' ? '' : ' to '}
      {state !== 'running' && <Time at={updatedAt} />}
      {state === 'running' && <progress aria-label={what} value={commits} max={Math.max(total, 1)} />}
      {state === 'failed' && (
        <p>
          {reason} <code>{code}</code>
        </p>
      )}
    </div>
  )
}

function filterKey(route: Route, view: ViewRow): string {
  return ['search', ...Object.keys(view.filters)].map((name) => route.query.get(name) ?? '').join(' ')
}

/** A list that is fetched on as it is scrolled. */
function Documents({
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
    go(href(['views', service.name, view.name], { ...filters, search, key, ...next }), true)
  const { count: known, state, problem } = pages
  const found = pages.find(key)
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
          <label key={name}>
            {name}
            <select value={filters[name] ?? ''} onChange={({ currentTarget }) => to({ [name]: currentTarget.value })}>
              <option value="">all</option>
              {values.map((value) => (
                <option key={value}>{value}</option>
              ))}
            </select>
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
              {state === 'all' ? '' : ', more to come'}
            </span>
          </div>
          {problem && <ProblemFace problem={problem} retry={pages.more} />}
          {known === 0 && state === 'all' && <Empty>No document fits.</Empty>}
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
              {search === '' ? 'More documents' : 'Search on'}
            </button>
          )}
        </section>
        <section class="card" aria-label="Document">
          {found ? (
            <>
              <div class="card-head">
                <h2 class="break">{found.key}</h2>
                {view.kind === 'one-stream' && <a href={streamHref(service.name, found.key)}>Its stream</a>}
              </div>
              <Tree label={`Document ${found.key}`} value={found.document} />
            </>
          ) : (
            <Empty>{key === '' ? 'Choose a document.' : `${inline(key)} is not among those that were fetched.`}</Empty>
          )}
        </section>
      </div>
    </>
  )
}
