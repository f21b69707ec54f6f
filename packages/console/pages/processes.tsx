import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { get, type Service } from '../api/client.ts'
import type { EventPage, ScheduledCommand, SchedulePage, StreamPage, StreamRow, StreamState } from '../api/contract.ts'
import { summary, Time } from '../lib/format.tsx'
import { useLoad, usePoll } from '../lib/load.ts'
import { streamHref } from '../lib/route.ts'
import { askAll, readAbout, type ServiceAnswer, useServices } from '../lib/system.tsx'
import { Empty, Page, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Table } from '../parts/table.tsx'
import { TypeChips } from './streams.tsx'

const POLL_MS = 5000
const PAGE_ROWS = 20

interface ProcessRow {
  readonly row: StreamRow
  readonly state: StreamState
  /** The correlation of all that the process leads, including its scheduled commands. */
  readonly correlation: string | undefined
}

/** The newest streams. A page covers a number of commits, so several pages may be needed. */
async function newest(
  service: Service,
  category: string,
  limit: number,
  signal: AbortSignal,
): Promise<{ readonly rows: readonly StreamRow[]; readonly more: boolean }> {
  const rows = new Map<string, StreamRow>()
  let continuation: string | undefined
  do {
    const query = { category, limit: 100, continuation }
    const page: StreamPage = await get<StreamPage>(service, '/streams', query, signal)
    for (const row of page.items) if (!rows.has(row.stream)) rows.set(row.stream, row)
    continuation = page.continuation
  } while (continuation !== undefined && rows.size < limit)
  return { rows: [...rows.values()].slice(0, limit), more: continuation !== undefined || rows.size > limit }
}

export function ProcessesPage(): VNode {
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  const schedule = usePoll(
    'schedule',
    (signal) => askAll(services, (each) => get<SchedulePage>(each, '/schedule', { limit: 100 }, signal)),
    POLL_MS,
  )
  return (
    <Page
      title="Processes"
      intro="Process managers, which lead something through several services: their states and their schedules."
    >
      <WhenLoaded loaded={abouts} what="the processes">
        {(answers) => {
          const processes = answers.flatMap(({ service, value }) =>
            (value?.categories ?? []).filter(({ process }) => process).map(({ name }) => ({ service, category: name })),
          )
          return (
            <>
              <ServiceProblems answers={answers} retry={abouts.reload} />
              {processes.length === 0 && answers.some(({ value }) => value) && <Empty>No service has a process.</Empty>}
              {processes.map(({ service, category }) => (
                <Process
                  key={`${service.api} ${category}`}
                  service={service}
                  category={category}
                  scheduled={(schedule.value ?? []).flatMap((each) => each.value?.items ?? [])}
                />
              ))}
            </>
          )
        }}
      </WhenLoaded>
      <Schedule loaded={schedule} />
    </Page>
  )
}

function Process({
  service,
  category,
  scheduled,
}: {
  readonly service: Service
  readonly category: string
  readonly scheduled: readonly ScheduledCommand[]
}): VNode {
  const [limit, setLimit] = useState(PAGE_ROWS)
  const loaded = usePoll(
    `${service.api} ${category} ${limit}`,
    async (signal) => {
      const { rows, more } = await newest(service, category, limit, signal)
      const standing = await Promise.all(
        rows.map(async (row): Promise<ProcessRow> => {
          const path = `/streams/${encodeURIComponent(row.stream)}`
          const [state, first] = await Promise.all([
            get<StreamState>(service, `${path}/state`, {}, signal),
            get<EventPage>(service, `${path}/events`, { limit: 1 }, signal),
          ])
          return { row, state, correlation: first.items[0]?.correlation }
        }),
      )
      return { standing, more }
    },
    POLL_MS * 2,
  )
  return (
    <section class="card" aria-label={`Process ${category}`}>
      <div class="card-head">
        <h2>{category}</h2>
        <span class="muted small">{service.name}, newest first</span>
      </div>
      <WhenLoaded loaded={loaded} what={`processes of ${category}`}>
        {({ standing, more }) =>
          standing.length === 0 ? (
            <Empty>No process has started.</Empty>
          ) : (
            <>
              <Table
                label="Processes"
                class="processes"
                columns={['Process', 'State', 'Last recorded', 'Scheduled', 'Changed']}
              >
                {standing.map(({ row, state, correlation }) => (
                  <tr key={row.stream}>
                    <th scope="row">
                      <a class="break" href={streamHref(service.name, row.stream)}>
                        {row.stream}
                      </a>
                    </th>
                    <td class="break small">{summary(state.state, row.stream) || 'see its state'}</td>
                    <td>
                      <TypeChips types={row.types} />
                    </td>
                    <td class="small">
                      {scheduled
                        .filter((each) => each.correlation === correlation)
                        .map(({ stream, type, due }) => (
                          <div key={stream + type + due} class="break">
                            {type} {stream}, <Time at={due} />
                          </div>
                        ))}
                    </td>
                    <td>
                      <Time at={row.time} />
                    </td>
                  </tr>
                ))}
              </Table>
              {more && limit < 100 && (
                <button type="button" class="after-list" onClick={() => setLimit(limit + PAGE_ROWS)}>
                  More
                </button>
              )}
            </>
          )
        }
      </WhenLoaded>
    </section>
  )
}

function Schedule({
  loaded,
}: {
  readonly loaded: ReturnType<typeof usePoll<readonly ServiceAnswer<SchedulePage>[]>>
}): VNode {
  return (
    <section class="card" aria-labelledby="schedule">
      <h2 id="schedule">Schedule</h2>
      <WhenLoaded loaded={loaded} what="the schedule">
        {(answers) => {
          const rows = answers
            .flatMap(({ service, value }) => (value?.items ?? []).map((item) => ({ service: service.name, item })))
            .toSorted((a, b) => (a.item.due < b.item.due ? -1 : 1))
          return (
            <>
              <ServiceProblems answers={answers} retry={loaded.reload} />
              {rows.length === 0 ? (
                <Empty>Nothing is scheduled.</Empty>
              ) : (
                <Table label="Scheduled commands" columns={['Due', 'Command', 'For', 'With', 'By']}>
                  {rows.map(({ service, item }) => (
                    <tr key={`${service} ${item.stream} ${item.type} ${item.due} ${item.causation}`}>
                      <td>
                        <Time at={item.due} />
                      </td>
                      <th scope="row">{item.type}</th>
                      <td>
                        <a class="break" href={streamHref(service, item.stream)}>
                          {item.stream}
                        </a>
                      </td>
                      <td class="break small">{summary(item.data, item.stream)}</td>
                      <td class="break small">{item.actor}</td>
                    </tr>
                  ))}
                </Table>
              )}
            </>
          )
        }}
      </WhenLoaded>
    </section>
  )
}
