import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get } from '../api/client.ts'
import type { Rebuild, ViewList, ViewRow } from '../api/contract.ts'
import { count } from '../lib/format.tsx'
import { usePoll } from '../lib/load.ts'
import { href, type Route } from '../lib/route.ts'
import { askAll, type ServiceAnswer, useServices } from '../lib/system.tsx'
import { Documents } from '../parts/documents.tsx'
import { Empty, Page, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Generations } from '../parts/generations.tsx'
import { Table } from '../parts/table.tsx'

const REST_MS = 10_000
const BUSY_MS = 1000

export function ViewsPage({ route }: { readonly route: Route }): VNode {
  const [, service, view] = route.path
  const services = useServices()
  const [busy, setBusy] = useState(false)
  const loaded = usePoll(
    'views',
    (signal) => askAll(services, (each) => get<ViewList>(each, '/views', {}, signal)),
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
                <Generations service={its} view={found} route={route} reload={loaded.reload} />
                <Documents
                  key={`${service}/${view} ${found.live} ${filterKey(route, found)}`}
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
      intro="The read models of the services. Each can be rebuilt from the log while queries read it."
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
      <Table label="Views" class="wide" columns={['View', 'Live', 'Documents', 'Rebuild']}>
        {value.items.map(({ name, kind, category, live, rebuild }) => (
          <tr key={name}>
            <th scope="row">
              <a href={href(['views', service.name, name])}>{name}</a>
            </th>
            <td class="num" data-label="generation">
              {live}
            </td>
            <td>{kind === 'one-stream' ? `one for each ${category} stream` : `from many ${category} streams`}</td>
            <td data-label="rebuild">{rebuild ? formatState(rebuild) : 'none'}</td>
          </tr>
        ))}
      </Table>
    </section>
  )
}

function formatState({ state, commits, total }: Rebuild): string {
  return state === 'running' ? `running, ${count(commits)} of ${count(total)}` : state
}

function filterKey(route: Route, view: ViewRow): string {
  return ['search', ...Object.keys(view.filters)].map((name) => route.query.get(name) ?? '').join(' ')
}
