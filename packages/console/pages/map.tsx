import type { VNode } from 'preact'
import { useRef } from 'preact/hooks'
import { get, type Service } from '../api/client.ts'
import type { Status } from '../api/contract.ts'
import { count, plural, rate, seconds, Time } from '../lib/format.tsx'
import { buildLayout, curve, HEAD, type Layout, type ServiceSeen } from '../lib/layout.ts'
import { useLoad, usePoll } from '../lib/load.ts'
import { href } from '../lib/route.ts'
import { askAll, readAbout, type ServiceAnswer, useServices } from '../lib/system.tsx'
import { Empty, Page, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Table } from '../parts/table.tsx'

const POLL_MS = 10_000
/** The length of two dashes of a flowing edge, with their gaps. */
const FLOW_PX = 20

interface Sample {
  readonly at: number
  /** The number of messages a hub has ever had, by hub. */
  readonly totals: ReadonlyMap<string, number>
}

/** Events per second of each hub: the growth of its partitions' last numbers since the previous poll. */
function useRates(statuses: readonly ServiceAnswer<Status>[] | undefined): ReadonlyMap<string, number> {
  const before = useRef<Sample>(undefined)
  const rates = useRef<ReadonlyMap<string, number>>(new Map())
  const seen = useRef(statuses)
  if (statuses && seen.current !== statuses) {
    seen.current = statuses
    const totals = computeTotals(statuses)
    const at = performance.now()
    const { current: last } = before
    if (last) {
      const passed = (at - last.at) / 1000
      rates.current = new Map(
        [...totals].map(([hub, total]) => [hub, Math.max(0, total - (last.totals.get(hub) ?? total)) / passed]),
      )
    }
    before.current = { at, totals }
  }
  return rates.current
}

function computeTotals(statuses: readonly ServiceAnswer<Status>[]): ReadonlyMap<string, number> {
  const totals = new Map<string, number>()
  for (const { value } of statuses)
    for (const { hub, partitions } of value?.consumers ?? [])
      totals.set(
        hub,
        Math.max(
          totals.get(hub) ?? 0,
          partitions.reduce((sum, { last }) => sum + last + 1, 0),
        ),
      )
  return totals
}

export function MapPage(): VNode {
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  const statuses = usePoll(
    'statuses',
    (signal) => askAll(services, (each) => get<Status>(each, '/status', {}, signal)),
    POLL_MS,
  )
  const rates = useRates(statuses.value)
  return (
    <Page
      title="Map"
      intro="The running system: from the logs, through the hubs, to consumers and views. Rates and lags are live."
    >
      <WhenLoaded loaded={abouts} what="the running services">
        {(answers) => {
          const seen = services.map((service): ServiceSeen => {
            const about = answerFrom(answers, service)
            const status = answerFrom(statuses.value, service)
            return { name: service.name, ...(about ? { about } : {}), ...(status ? { status } : {}) }
          })
          return (
            <>
              <ServiceProblems answers={answers} retry={abouts.reload} />
              {statuses.value && <ServiceProblems answers={statuses.value} />}
              <Concerns seen={seen} />
              <Totals seen={seen} rates={rates} />
              <Drawing seen={seen} rates={rates} />
              <ConsumerTable seen={seen} rates={rates} />
              <ArchiveTable seen={seen} />
            </>
          )
        }}
      </WhenLoaded>
    </Page>
  )
}

function answerFrom<Value>(answers: readonly ServiceAnswer<Value>[] | undefined, service: Service): Value | undefined {
  return answers?.find((each) => each.service.api === service.api)?.value
}

function countParked(status: Status | undefined): number {
  return (status?.parked ?? []).reduce((sum, { streams, messages }) => sum + streams + messages, 0)
}

function Concerns({ seen }: { readonly seen: readonly ServiceSeen[] }): VNode {
  const concerns = seen.flatMap(({ name, status }) => (status?.concerns ?? []).map((text) => ({ name, text })))
  const known = seen.filter(({ status }) => status).length
  if (known === 0) return <p class="muted">Asking the services for their status…</p>
  if (concerns.length === 0)
    return (
      <p class="note note-ok">
        <strong>All is well.</strong> {plural(known, 'service')} of {seen.length} answer, and none has a concern.
      </p>
    )
  return (
    <ul class="note note-warn" aria-label="Concerns">
      {concerns.map(({ name, text }) => (
        <li key={name + text}>
          <strong>{name}</strong>: {text}
        </li>
      ))}
    </ul>
  )
}

function Totals({
  seen,
  rates,
}: {
  readonly seen: readonly ServiceSeen[]
  readonly rates: ReadonlyMap<string, number>
}): VNode {
  const all = [...rates.values()].reduce((sum, each) => sum + each, 0)
  const waiting = seen.flatMap(({ status }) => status?.consumers ?? []).reduce((sum, { events }) => sum + events, 0)
  const parked = seen.reduce((sum, { status }) => sum + countParked(status), 0)
  return (
    <dl class="figures">
      <div>
        <dt>Events</dt>
        <dd>{rate(all)}</dd>
      </div>
      <div>
        <dt>Waiting in hubs</dt>
        <dd>{count(waiting)}</dd>
      </div>
      <div>
        <dt>Parked</dt>
        <dd>
          <a href={href(['parked'])}>{count(parked)}</a>
        </dd>
      </div>
      <div>
        <dt>Services</dt>
        <dd>
          {seen.filter(({ status }) => status).length}
          <span class="muted"> of {seen.length}</span>
        </dd>
      </div>
    </dl>
  )
}

interface Seen {
  readonly seen: readonly ServiceSeen[]
  readonly rates: ReadonlyMap<string, number>
}

/**
 * Flowing edges move once per answer. A continuous animation took 40 % of a core.
 * @returns px
 */
function useFlow(rates: Seen['rates']): number {
  const shown = useRef({ rates, offset: 0 })
  if (shown.current.rates !== rates) shown.current = { rates, offset: shown.current.offset - FLOW_PX }
  return shown.current.offset
}

function Drawing({ seen, rates }: Seen): VNode {
  const layout = buildLayout(seen)
  const offset = useFlow(rates)
  const consumerStatus = mapConsumerStatus(seen)
  return (
    <div
      class="card map scroll-x"
      role="group"
      aria-label="The map as a drawing. The table below has the same data."
      tabIndex={0}
    >
      <svg
        viewBox={`-4 0 ${layout.width + 8} ${layout.height}`}
        role="group"
        aria-label="Services, hubs, consumers and views"
      >
        <Columns />
        {layout.edges.map((edge) => (
          <path
            key={edge.id}
            d={curve(edge)}
            class={(rates.get(edge.hub) ?? 0) > 0 ? 'edge is-flowing' : 'edge'}
            style={{ strokeDashoffset: `${offset}px` }}
          />
        ))}
        <g role="group" aria-label="Services">
          <ServiceBoxes layout={layout} />
        </g>
        <g role="group" aria-label="Hubs">
          {layout.hubs.map(({ id, hub, service, x, y, width, height }) => (
            <a key={id} href={href(['live'], { service })} class="node node-hub">
              <rect x={x} y={y} width={width} height={height} rx={height / 2} />
              <text x={x + width / 2} y={y + 22} class="node-name is-middle">
                {hub}
              </text>
              <text x={x + width / 2} y={y + 39} class="node-note is-middle num">
                {rate(rates.get(hub) ?? 0)}
              </text>
            </a>
          ))}
        </g>
        <g role="group" aria-label="Consumers">
          {layout.consumers.map(({ id, consumer, service, x, y, width, height }) => {
            const status = consumerStatus.get(id)
            const parked = parkedAt(seen, service, id)
            const state =
              parked > 0 || (status?.paused.length ?? 0) > 0 ? 'is-bad' : (status?.seconds ?? 0) > 60 ? 'is-warn' : ''
            const where =
              parked > 0
                ? href(['parked'], { service })
                : consumer.kind === 'views'
                  ? href(['views'])
                  : href(['live'], { service })
            return (
              <a key={id} href={where} class={`node ${state}`}>
                <rect x={x} y={y} width={width} height={height} rx="8" />
                <text x={x + 12} y={y + height / 2 - 3} class="node-name">
                  {describeConsumer(service, consumer)}
                </text>
                <text x={x + 12} y={y + height / 2 + 13} class="node-note num">
                  {lagText(status)}
                  {parked > 0 ? `, ${parked} parked` : ''}
                </text>
              </a>
            )
          })}
        </g>
        <g role="group" aria-label="Views">
          {layout.views.map(({ id, service, name, x, y, width, height }) => (
            <a key={id} href={href(['views', service, name])} class="node node-view">
              <rect x={x} y={y} width={width} height={height} rx="6" />
              <text x={x + 12} y={y + 20} class="node-name">
                {name}
              </text>
            </a>
          ))}
        </g>
      </svg>
    </div>
  )
}

function Columns(): VNode {
  return (
    <g class="map-heads" aria-hidden="true">
      <text x="0" y={HEAD - 14}>
        Services and their logs
      </text>
      <text x="250" y={HEAD - 14}>
        Hubs
      </text>
      <text x="480" y={HEAD - 14}>
        Consumers
      </text>
      <text x="780" y={HEAD - 14}>
        Views
      </text>
    </g>
  )
}

function ServiceBoxes({ layout }: { readonly layout: Layout }): VNode {
  return (
    <>
      {layout.services.map(({ id, service, x, y, width, height }) => {
        const { about, status, name } = service
        const state = !status ? 'is-away' : status.concerns.length > 0 ? 'is-warn' : ''
        const categories = about?.categories.map((category) => category.name).join(', ') ?? 'categories unknown'
        const hasLog = categories !== ''
        return (
          <a key={id} href={href(['streams'], { service: name })} class={`node node-service ${state}`}>
            <rect x={x} y={y} width={width} height={height} rx="8" />
            <text x={x + 14} y={y + 22} class="node-name is-strong">
              {name}
            </text>
            <text x={x + 14} y={y + 39} class="node-note">
              <title>{categories}</title>
              {hasLog ? shorten(categories) : 'only follows others'}
            </text>
            <text x={x + 14} y={y + 54} class="node-note num">
              {hasLog || !status ? relayText(status) : 'no log'}
            </text>
          </a>
        )
      })}
    </>
  )
}

/** The longest text that fits a box, in characters. */
const BOX_TEXT = 27

function shorten(text: string): string {
  return text.length > BOX_TEXT ? `${text.slice(0, BOX_TEXT - 1)}…` : text
}

function describeConsumer(service: string, { kind, hub }: { readonly kind: string; readonly hub: string }): string {
  if (kind !== 'views') return `${service} reacts to ${hub}`
  return hub === service ? `${service}: its views` : `${service}: views of ${hub}`
}

function relayText(status: Status | undefined): string {
  if (!status) return 'no answer'
  const { relay } = status
  if (!relay) return 'relay: unknown'
  if (relay.commits === 0) return 'all published'
  return `${relay.commits}${relay.more ? '+' : ''} to publish, ${seconds(relay.seconds)}`
}

type ConsumerState = NonNullable<Status['consumers']>[number]

function mapConsumerStatus(seen: readonly ServiceSeen[]): ReadonlyMap<string, ConsumerState> {
  return new Map(seen.flatMap(({ status }) => (status?.consumers ?? []).map((each) => [each.consumer, each] as const)))
}

function parkedAt(seen: readonly ServiceSeen[], service: string, consumer: string): number {
  const status = seen.find(({ name }) => name === service)?.status
  const parked = status?.parked?.find((each) => each.consumer === consumer)
  return (parked?.streams ?? 0) + (parked?.messages ?? 0)
}

function lagText(status: ConsumerState | undefined): string {
  if (!status) return 'lag unknown'
  if (status.paused.length > 0) return `paused: ${status.paused.join(', ')}`
  return status.events === 0 ? 'up to date' : `${plural(status.events, 'event')} behind, ${seconds(status.seconds)}`
}

function ConsumerTable({ seen, rates }: Seen): VNode {
  const rows = seen.flatMap(({ name, about }) =>
    (about?.consumers ?? []).map((consumer) => ({ service: name, consumer })),
  )
  const statuses = mapConsumerStatus(seen)
  if (rows.length === 0) return <Empty>No service has reported its consumers.</Empty>
  return (
    <section class="card" aria-labelledby="consumers">
      <h2 id="consumers">Consumers</h2>
      <Table
        label="Consumers"
        columns={['Consumer', 'Reads hub', { right: 'Rate' }, 'Lag', { right: 'Parked' }, 'Handlers']}
      >
        {rows.map(({ service, consumer: { name, hub, kind, handlers } }) => {
          const parked = parkedAt(seen, service, name)
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{hub}</td>
              <td class="right num">{rate(rates.get(hub) ?? 0)}</td>
              <td class="num">{lagText(statuses.get(name))}</td>
              <td class="right num">{parked > 0 ? <a href={href(['parked'], { service })}>{parked}</a> : '0'}</td>
              <td>
                {handlers.map((handler, index) => (
                  <span key={handler.name}>
                    {index > 0 && ', '}
                    {kind === 'views' ? (
                      <a href={href(['views', service, handler.name])}>{handler.name}</a>
                    ) : (
                      handler.name
                    )}
                  </span>
                ))}
              </td>
            </tr>
          )
        })}
      </Table>
    </section>
  )
}

/** Nothing for services that keep no archive. */
function ArchiveTable({ seen }: Pick<Seen, 'seen'>): VNode | null {
  const rows = seen.flatMap(({ name, status }) => (status?.archive ? [{ name, archive: status.archive }] : []))
  if (rows.length === 0) return null
  return (
    <section class="card" aria-labelledby="archives">
      <h2 id="archives">Archives</h2>
      <Table label="Archives" columns={['Service', { right: 'Segments' }, 'Newest item', 'Behind the log']}>
        {rows.map(({ name, archive: { segments, newest, items, more, seconds: age } }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="right num">{count(segments)}</td>
            <td>{newest === undefined ? 'none' : <Time at={newest} />}</td>
            <td class="num">
              {items === 0 ? 'up to date' : `${count(items)}${more ? '+' : ''} items, ${seconds(age)}`}
            </td>
          </tr>
        ))}
      </Table>
    </section>
  )
}
