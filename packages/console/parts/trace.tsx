import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { get, type Service } from '../api/client.ts'
import type { RecordedEvent, TracePage } from '../api/contract.ts'
import { buildTree, type Caused, formatEventId, sortEvents, type Traced } from '../lib/causes.ts'
import { isRefusal, plural, summary, Time } from '../lib/format.tsx'
import { pause, usePoll } from '../lib/load.ts'
import { streamHref } from '../lib/route.ts'
import { askAll, type ServiceAnswer, useServices } from '../lib/system.tsx'
import { Empty, ServiceProblems, WhenLoaded } from './faces.tsx'

const LIVE_MS = 1000
/** While the user scrubs, only the version they stop at is fetched. */
const REST_MS = 150
const MOST_PAGES = 10

interface Trace {
  readonly answers: readonly ServiceAnswer<readonly RecordedEvent[]>[]
  readonly events: readonly Traced[]
}

async function readTrace(services: readonly Service[], correlation: string, signal: AbortSignal): Promise<Trace> {
  const answers = await askAll(services, async (service) => {
    const items: RecordedEvent[] = []
    let continuation: string | undefined
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const path = `/traces/${encodeURIComponent(correlation)}`
      const answer = await get<TracePage>(service, path, { limit: 100, continuation }, signal)
      items.push(...answer.items)
      continuation = answer.continuation
      if (continuation === undefined) break
    }
    return items
  })
  const events = answers.flatMap(({ service, value = [] }) => value.map((event) => ({ service: service.name, event })))
  return { answers, events }
}

/** All events that one request caused, in all services. @param live keeps polling. */
export function TraceView({
  correlation,
  current,
  live = false,
}: {
  readonly correlation: string
  readonly current?: string
  readonly live?: boolean
}): VNode {
  const services = useServices()
  const load = async (signal: AbortSignal): Promise<Trace> => {
    if (!live) await pause(REST_MS, signal)
    return readTrace(services, correlation, signal)
  }
  const loaded = usePoll(correlation, load, live ? LIVE_MS : undefined)
  const [shape, setShape] = useState<'sequence' | 'tree'>('sequence')
  return (
    <section class="card" aria-labelledby="trace-title">
      <div class="card-head">
        <h2 id="trace-title">Causes and effects</h2>
        <div class="segmented" role="group" aria-label="Shown as">
          {(['sequence', 'tree'] as const).map((each) => (
            <button key={each} type="button" aria-pressed={shape === each} onClick={() => setShape(each)}>
              {each === 'sequence' ? 'Sequence' : 'Cause tree'}
            </button>
          ))}
        </div>
      </div>
      <p class="muted small">
        Correlation <code class="break">{correlation}</code>
      </p>
      <WhenLoaded loaded={loaded} what="the trace">
        {({ answers, events }) => (
          <>
            <ServiceProblems answers={answers} />
            {events.length === 0 ? (
              <Empty>{live ? 'Nothing yet. This list is live.' : 'No event has this correlation.'}</Empty>
            ) : shape === 'sequence' ? (
              <Sequence events={events} current={current} />
            ) : (
              <CauseTree events={buildTree(events)} current={current} />
            )}
            {events.length > 0 && <p class="muted small">{formatSpan(events)}</p>}
          </>
        )}
      </WhenLoaded>
    </section>
  )
}

function formatSpan(events: readonly Traced[]): string {
  const times = events.map(({ event }) => Date.parse(event.time))
  const services = new Set(events.map(({ service }) => service)).size
  const ms = Math.max(...times) - Math.min(...times)
  return (
    `${plural(events.length, 'event')} in ${plural(services, 'service')}, ` +
    `${ms < 10_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`} from first to last`
  )
}

function CauseTree({
  events,
  current,
}: {
  readonly events: readonly Caused[]
  readonly current?: string | undefined
}): VNode {
  return (
    <ol class="causes">
      {events.map((caused) => {
        const { service, event, depth } = caused
        const id = formatEventId(caused)
        return (
          <li key={id} style={{ paddingInlineStart: `${Math.min(depth, 12) * 18}px` }} aria-current={id === current}>
            <a
              class={isRefusal(event.type) ? 'event-name is-refusal' : 'event-name'}
              href={streamHref(service, event.stream, event.version)}
            >
              {event.type}
            </a>{' '}
            <span class="muted small break">
              {event.stream}@{event.version} in {service}
              {depth === 0 ? `, caused by ${event.causation}` : ''} · <Time at={event.time} exact />
            </span>
            <span class="cause-summary small break">{summary(event.data, event.stream)}</span>
          </li>
        )
      })}
    </ol>
  )
}

const LANE = 172
const ROW = 46
const TOP = 34
/** Space for the arrows around a box. */
const SIDE = 14
const BOX = { width: 156, height: 28 }
/** A longer name is condensed to fit its box. */
const LONG = 24
const SQUEEZED = { textLength: BOX.width - 12, lengthAdjust: 'spacingAndGlyphs' } as const

/** A lane for each service, time downwards, and an arrow to each event from its cause. */
function Sequence({
  events,
  current,
}: {
  readonly events: readonly Traced[]
  readonly current?: string | undefined
}): VNode {
  const ordered = sortEvents(events)
  const lanes = [...new Set(ordered.map(({ service }) => service))]
  const places = new Map(
    ordered.map((traced, index) => [
      formatEventId(traced),
      { x: laneX(lanes.indexOf(traced.service)), y: TOP + index * ROW + ROW / 2 },
    ]),
  )
  const size = { width: SIDE + lanes.length * LANE, height: TOP + ordered.length * ROW + 8 }
  return (
    <div class="scroll-x" role="group" aria-label="Sequence diagram" tabIndex={0}>
      <svg
        class="sequence"
        viewBox={`0 0 ${size.width} ${size.height}`}
        width={size.width}
        height={size.height}
        role="group"
        aria-label={`${ordered.length} events`}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 8 4 0 8z" class="arrow-head" />
          </marker>
        </defs>
        {lanes.map((lane, index) => {
          const x = laneX(index)
          return (
            <g key={lane}>
              <text x={x} y={18} class="lane-name">
                {lane}
              </text>
              <line x1={x} x2={x} y1={TOP - 6} y2={size.height} class="lane" />
            </g>
          )
        })}
        {ordered.map((traced) => {
          const to = places.get(formatEventId(traced))
          const from = places.get(traced.event.causation)
          if (!to || !from) return null
          return <path key={formatEventId(traced)} d={arrow(from, to)} class="arrow" marker-end="url(#arrow)" />
        })}
        {ordered.map((traced) => {
          const { service, event } = traced
          const id = formatEventId(traced)
          const { x, y } = places.get(id) ?? { x: 0, y: 0 }
          const kind = id === current ? ' is-current' : isRefusal(event.type) ? ' is-refusal' : ''
          return (
            <a
              key={id}
              href={streamHref(service, event.stream, event.version)}
              class={`step${kind}`}
              aria-label={`${event.type}, ${id}, ${service}`}
            >
              <title>{`${id}\n${summary(event.data, event.stream)}`}</title>
              <rect x={x - BOX.width / 2} y={y - BOX.height / 2} width={BOX.width} height={BOX.height} rx="6" />
              <text x={x} y={y + 4} {...(event.type.length > LONG ? SQUEEZED : {})}>
                {event.type}
              </text>
            </a>
          )
        })}
      </svg>
    </div>
  )
}

function laneX(index: number): number {
  return SIDE + index * LANE + LANE / 2
}

interface Point {
  readonly x: number
  readonly y: number
}

/** The path of an arrow: down the lane, or across to the side of the target box. */
function arrow(from: Point, to: Point): string {
  if (from.x === to.x) {
    const next = to.y - from.y <= ROW
    const [start, end] = [from.y + BOX.height / 2, to.y - BOX.height / 2]
    if (next) return `M${from.x} ${start}V${end}`
    const side = from.x - BOX.width / 2
    return `M${side} ${from.y}C${side - 14} ${from.y} ${side - 14} ${to.y} ${side} ${to.y}`
  }
  const direction = to.x > from.x ? 1 : -1
  const end = to.x - (direction * BOX.width) / 2
  const start = from.x + direction * 30
  return `M${start} ${from.y + BOX.height / 2}V${to.y - 10}Q${start} ${to.y} ${start + direction * 10} ${to.y}H${end}`
}
