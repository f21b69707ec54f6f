import type { VNode } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { get, type Service } from '../api/client.ts'
import type { EventPage, RecordedEvent } from '../api/contract.ts'
import { type EventPages, useEventPages } from '../lib/event-pages.ts'
import { count, isRefusal, summary, Time } from '../lib/format.tsx'
import { usePoll } from '../lib/load.ts'
import { go, href, type Route, streamHref } from '../lib/route.ts'
import { findOwner, useServices } from '../lib/system.tsx'
import { Empty, Loading, Page, ProblemFace, WhenLoaded } from '../parts/faces.tsx'
import { StateAt } from '../parts/state-at.tsx'
import { TraceView } from '../parts/trace.tsx'
import { Tree } from '../parts/tree.tsx'
import { VirtualList } from '../parts/virtual-list.tsx'

const HEAD_MS = 4000

export function StreamPage({ route }: { readonly route: Route }): VNode {
  const [, name = '', stream = ''] = route.path
  const service = useServices().find((each) => each.name === name)
  if (!service)
    return (
      <Page title={stream}>
        <Empty>
          There is no service <code>{name}</code>.
        </Empty>
      </Page>
    )
  return (
    <StreamView
      key={`${name}/${stream}`}
      service={service}
      stream={stream}
      chosen={Number(route.query.get('version') ?? 0)}
    />
  )
}

function StreamView({
  service,
  stream,
  chosen,
}: {
  readonly service: Service
  readonly stream: string
  readonly chosen: number
}): VNode {
  const head = usePoll(
    `${service.api} ${stream}`,
    async (signal) => {
      const path = `/streams/${encodeURIComponent(stream)}/events`
      const page = await get<EventPage>(service, path, { direction: 'backward', limit: 1 }, signal)
      return page.items[0]?.version ?? 0
    },
    HEAD_MS,
  )
  return (
    <Page
      title={<span class="break">{stream}</span>}
      intro={
        <>
          A stream of <a href={href(['streams'], { service: service.name })}>{service.name}</a>: its events, their
          actors, and its state at any version.
        </>
      }
    >
      <WhenLoaded loaded={head} what="the stream">
        {(version) => <Timeline service={service} stream={stream} head={version} chosen={chosen} />}
      </WhenLoaded>
    </Page>
  )
}

function Timeline({
  service,
  stream,
  head,
  chosen,
}: {
  readonly service: Service
  readonly stream: string
  readonly head: number
  readonly chosen: number
}): VNode {
  const version = chosen >= 1 && chosen <= head ? chosen : head
  const events = useEventPages(service, stream, head, version)
  const select = (next: number): void => {
    const bounded = Math.min(head, Math.max(1, next))
    go(streamHref(service.name, stream, bounded), true)
  }
  const event = events.event(version)
  return (
    <>
      {events.problem && <ProblemFace problem={events.problem} retry={events.retry} />}
      <Scrubber version={version} head={head} select={select} />
      <div class="columns">
        <div class="stack">
          <section class="card" aria-labelledby="events">
            <div class="card-head">
              <h2 id="events">Events</h2>
              <span class="muted small num">{count(head)}, newest first</span>
            </div>
            <EventList stream={stream} events={events} head={head} version={version} select={select} />
          </section>
          <section class="card" aria-labelledby="event-title">
            {event ? <EventDetail event={event} service={service} /> : <Loading what="the event" />}
          </section>
        </div>
        <StateAt service={service} stream={stream} version={version} event={event} />
      </div>
      {event && <TraceView correlation={event.correlation} current={`${stream}@${version}`} />}
    </>
  )
}

function Scrubber({
  version,
  head,
  select,
}: {
  readonly version: number
  readonly head: number
  readonly select: (version: number) => void
}): VNode {
  return (
    <div class="card scrubber">
      <button type="button" onClick={() => select(1)} disabled={version === 1} aria-label="First version">
        <Glyph path="M5 4v12M16 4 8 10l8 6z" />
      </button>
      <button type="button" onClick={() => select(version - 1)} disabled={version === 1} aria-label="Previous version">
        <Glyph path="M14 4 6 10l8 6z" />
      </button>
      <label>
        <span class="visually-hidden">Version</span>
        <input
          type="range"
          min={1}
          max={head}
          value={version}
          disabled={head === 1}
          aria-valuetext={`version ${version} of ${head}`}
          onInput={({ currentTarget }) => select(Number(currentTarget.value))}
        />
      </label>
      <button type="button" onClick={() => select(version + 1)} disabled={version === head} aria-label="Next version">
        <Glyph path="M6 4l8 6-8 6z" />
      </button>
      <button type="button" onClick={() => select(head)} disabled={version === head} aria-label="Newest version">
        <Glyph path="M15 4v12M4 4l8 6-8 6z" />
      </button>
      <output class="num" aria-live="polite">
        version {count(version)} <span class="muted">of {count(head)}</span>
      </output>
    </div>
  )
}

function Glyph({ path }: { readonly path: string }): VNode {
  return (
    <svg viewBox="0 0 20 20" width="16" height="16" class="icon" aria-hidden="true">
      <path d={path} />
    </svg>
  )
}

function EventList({
  stream,
  events,
  head,
  version,
  select,
}: {
  readonly stream: string
  readonly events: EventPages
  readonly head: number
  readonly version: number
  readonly select: (version: number) => void
}): VNode {
  const findRow = (each: number): number => head - each
  return (
    <VirtualList
      label="Events; select with the arrow keys"
      count={head}
      rowHeight={58}
      reveal={findRow(version)}
      onRange={(first, last) => {
        if (last > first) events.see(head - last + 1, head - first)
      }}
      onKeyDown={(pressed) => {
        const step = { ArrowDown: -1, ArrowUp: 1 }[pressed.key]
        if (step === undefined) return
        pressed.preventDefault()
        select(version + step)
      }}
      render={(index) => {
        const each = head - index
        const event = events.event(each)
        return (
          <button type="button" class="event-row" aria-current={each === version} onClick={() => select(each)}>
            <span class="event-version num">{each}</span>
            {event ? (
              <span class="event-main">
                <span class="event-line">
                  <span class={isRefusal(event.type) ? 'event-name is-refusal' : 'event-name'}>{event.type}</span>
                  <Time at={event.time} />
                </span>
                <span class="event-line muted small">
                  <span class="clip">{summary(event.data, stream)}</span>
                  <span class="actor">by {event.actor}</span>
                </span>
              </span>
            ) : (
              <span class="event-main muted">…</span>
            )}
          </button>
        )
      }}
    />
  )
}

function EventDetail({ event, service }: { readonly event: RecordedEvent; readonly service: Service }): VNode {
  const cause = /^(.+)@(\d+)$/.exec(event.causation)
  const rows: readonly [string, VNode | string][] = [
    ['Actor', event.actor],
    ['Time', <Time key="time" at={event.time} exact />],
    [
      'Caused by',
      cause ? (
        <CauseLink key="cause" stream={cause[1] ?? ''} version={Number(cause[2])} fallback={service} />
      ) : (
        event.causation
      ),
    ],
    [
      'Correlation',
      <a key="correlation" href={href(['trace', event.correlation])}>
        {event.correlation}
      </a>,
    ],
    ['Schema version', String(event.schemaVersion)],
    ...(event.published
      ? [['Published as', `${event.published.type}, version ${event.published.schemaVersion}`] as [string, string]]
      : []),
    ['Hash', event.hash],
    ['Hash of previous', event.previousHash],
  ]
  return (
    <>
      <div class="card-head">
        <h2 id="event-title">
          <span class={isRefusal(event.type) ? 'is-refusal' : ''}>{event.type}</span>
        </h2>
        <span class="muted small num">version {count(event.version)}</span>
      </div>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class={name.startsWith('Hash') ? 'hash' : 'break'}>{value}</dd>
          </div>
        ))}
      </dl>
      <h3>Data</h3>
      <Tree label="Data" value={event.data} />
    </>
  )
}

/**
 * A link to the event that caused another. Its stream may belong to another service, which is found by
 * category.
 */
function CauseLink({
  stream,
  version,
  fallback,
}: {
  readonly stream: string
  readonly version: number
  readonly fallback: Service
}): VNode {
  const owner = useOwner(stream) ?? fallback.name
  return (
    <a href={streamHref(owner, stream, version)}>
      {stream}@{version}
    </a>
  )
}

function useOwner(stream: string): string | undefined {
  const services = useServices()
  const [owner, setOwner] = useState<string>()
  useEffect(() => {
    let gone = false
    void findOwner(services, stream).then((name) => {
      if (!gone) setOwner(name)
    })
    return () => {
      gone = true
    }
  }, [stream])
  return owner
}
