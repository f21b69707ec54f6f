import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { get, type Service } from '../api/client.ts'
import type { About, EventTail } from '../api/contract.ts'
import { formatEventId, type Traced } from '../lib/causes.ts'
import { isRefusal, plural, summary, Time } from '../lib/format.tsx'
import { pause, useLoad } from '../lib/load.ts'
import { go, href, type Route, streamHref } from '../lib/route.ts'
import { askAll, readAbout, type ServiceAnswer, useServices } from '../lib/system.tsx'
import { Empty, Loading, Page, ServiceProblems } from '../parts/faces.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'

const POLL_MS = 1500
const MOST_KEPT = 5000

interface Filter {
  readonly service: string
  readonly category: string
  readonly type: string
  readonly text: string
}

export function LivePage({ route }: { readonly route: Route }): VNode {
  const of = (name: string): string => route.query.get(name) ?? ''
  const filter: Filter = { service: of('service'), category: of('category'), type: of('type'), text: of('text') }
  const [paused, setPaused] = useState(false)
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  // A service refuses a category that it does not have.
  const asked = services.filter(
    ({ name }) =>
      (filter.service === '' || name === filter.service) &&
      (filter.category === '' || has(abouts.value, name, filter.category)),
  )
  return (
    <Page
      title="Live"
      intro="New events of the logs, newest first."
      tools={
        <button type="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </button>
      }
    >
      <Filters filter={filter} />
      <Tail
        key={`${asked.map(({ name }) => name)} ${filter.category} ${filter.type}`}
        services={asked}
        filter={filter}
        paused={paused}
      />
    </Page>
  )
}

function has(abouts: readonly ServiceAnswer<About>[] | undefined, service: string, category: string): boolean {
  const its = abouts?.find((each) => each.service.name === service)?.value
  return its === undefined || its.categories.some(({ name }) => name === category)
}

function Filters({ filter }: { readonly filter: Filter }): VNode {
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  const chosen = (abouts.value ?? []).filter(({ service }) => filter.service === '' || service.name === filter.service)
  const categories = chosen.flatMap(({ value }) => value?.categories ?? [])
  const types = new Set(
    categories.filter(({ name }) => filter.category === '' || name === filter.category).flatMap(({ events }) => events),
  )
  const to = (next: Partial<Filter>): void => go(href(['live'], { ...filter, ...next }), true)
  const choice = (name: 'service' | 'category' | 'type', label: string, values: Iterable<string>): VNode => (
    <label>
      {label}
      <select
        value={filter[name]}
        onChange={({ currentTarget: { value } }) =>
          to({
            ...(name === 'service' ? { category: '', type: '' } : name === 'category' ? { type: '' } : {}),
            [name]: value,
          })
        }
      >
        <option value="">all</option>
        {[...values].map((value) => (
          <option key={value}>{value}</option>
        ))}
      </select>
    </label>
  )
  return (
    <div class="tools filters">
      {choice(
        'service',
        'Service',
        services.map(({ name }) => name),
      )}
      {choice('category', 'Category', new Set(categories.map(({ name }) => name)))}
      {choice('type', 'Type', types)}
      <label>
        Text
        <input
          type="search"
          value={filter.text}
          placeholder="anywhere in the event"
          onInput={({ currentTarget }) => to({ text: currentTarget.value })}
        />
      </label>
    </div>
  )
}

/** Shows the newest events of the services. */
function Tail({
  services,
  filter,
  paused,
}: {
  readonly services: readonly Service[]
  readonly filter: Filter
  readonly paused: boolean
}): VNode {
  const [events, setEvents] = useState<readonly Traced[]>([])
  const [silent, setSilent] = useState<readonly ServiceAnswer<unknown>[]>([])
  const [asked, setAsked] = useState(false)
  const continuations = useRef(new Map<string, string>())
  useEffect(() => {
    if (paused) return
    const controller = new AbortController()
    const { signal } = controller
    const follow = async (): Promise<void> => {
      while (!signal.aborted) {
        const answers = await askAll(services, async (service) => {
          const after = continuations.current.get(service.api)
          const query = { category: filter.category, type: filter.type, after, limit: after === undefined ? 50 : 100 }
          const page = await get<EventTail>(service, '/events', query, signal)
          if (page.continuation) continuations.current.set(service.api, page.continuation)
          return page.items.map((event): Traced => ({ service: service.name, event }))
        })
        if (signal.aborted) return
        const fresh = answers.flatMap(({ value = [] }) => value)
        setAsked(true)
        setSilent(answers.filter(({ error }) => error !== undefined))
        if (fresh.length > 0) setEvents((before) => merged(before, fresh))
        await pause(document.hidden ? POLL_MS * 4 : POLL_MS, signal)
      }
    }
    void follow()
    return () => controller.abort()
  }, [paused])
  const { text } = filter
  const needle = text.toLowerCase()
  const shown =
    needle === '' ? events : events.filter(({ event }) => JSON.stringify(event).toLowerCase().includes(needle))
  return (
    <section class="card" aria-label="Events">
      <ServiceProblems answers={silent} />
      {!asked && <Loading what="the newest events" />}
      {asked && shown.length === 0 && (
        <Empty>
          {text === ''
            ? 'No event yet. This list is live.'
            : `None of ${plural(events.length, 'event')} has “${text}”.`}
        </Empty>
      )}
      {shown.length > 0 && (
        <>
          <p class="muted small" role="status">
            {plural(shown.length, 'event')}
            {paused ? ', paused' : ''}
          </p>
          <VirtualList
            label="Events as they come"
            count={shown.length}
            rowHeight={52}
            growsAtTop
            render={(index) => {
              const traced = shown[index]
              return traced ? <LiveRow traced={traced} /> : <span />
            }}
          />
        </>
      )}
    </section>
  )
}

function LiveRow({ traced }: { readonly traced: Traced }): VNode {
  const { service, event } = traced
  return (
    <a class="event-row" href={streamHref(service, event.stream, event.version)}>
      <span class="event-main">
        <span class="event-line">
          <span class="clip">
            <span class={isRefusal(event.type) ? 'event-name is-refusal' : 'event-name'}>{event.type}</span>{' '}
            <span class="muted small">
              {event.stream}@{event.version}
            </span>
          </span>
          <Time at={event.time} exact />
        </span>
        <span class="event-line muted small">
          <span class="clip">{summary(event.data, event.stream)}</span>
          <span class="actor">
            {service}, by {event.actor}
          </span>
        </span>
      </span>
    </a>
  )
}

/** Newest first, each event once. The oldest events are dropped. */
function merged(before: readonly Traced[], fresh: readonly Traced[]): readonly Traced[] {
  const all = new Map([...fresh, ...before].map((traced) => [`${traced.service} ${formatEventId(traced)}`, traced]))
  return [...all.values()]
    .toSorted((a, b) =>
      a.event.time < b.event.time ? 1 : a.event.time > b.event.time ? -1 : b.event.version - a.event.version,
    )
    .slice(0, MOST_KEPT)
}
