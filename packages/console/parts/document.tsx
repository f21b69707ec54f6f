import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { DocumentEvents, RecordedEvent, ViewRow } from '../api/contract.ts'
import { getDocument } from '../lib/document.ts'
import { isRefusal, summary, Time } from '../lib/format.tsx'
import { asProblem, useLoad } from '../lib/load.ts'
import { streamHref } from '../lib/route.ts'
import { Empty, Loading, ProblemFace, WhenLoaded } from './faces.tsx'
import { Tree } from './tree.tsx'

interface Named {
  readonly service: Service
  readonly view: ViewRow
  readonly docKey: string
}

/** A document, and its events. */
export function Document({ service, view, docKey }: Named): VNode {
  const loaded = useLoad(`${service.api} ${view.name} ${docKey} ${view.live}`, (signal) =>
    getDocument(service, view.name, { key: docKey, generation: undefined }, signal).then((found) => ({ found })),
  )
  return (
    <>
      <div class="card-head">
        <h2 class="break">{docKey}</h2>
        {view.kind === 'one-stream' && <a href={streamHref(service.name, docKey)}>Its stream</a>}
      </div>
      <WhenLoaded loaded={loaded} what="the document">
        {({ found }) =>
          found ? (
            <>
              <Tree label={`Document ${docKey}`} value={found.document} />
              <EventsBehind service={service} view={view} docKey={docKey} />
            </>
          ) : (
            <Empty>{view.name} has no such document.</Empty>
          )
        }
      </WhenLoaded>
    </>
  )
}

const PAGE = 50

/**
 * The events of a document. For a single-stream view they load at once. For a multi-stream view the log must
 * be searched, which is expensive, so the user has to ask for it.
 */
function EventsBehind({ service, view, docKey }: Named): VNode {
  const [events, setEvents] = useState<readonly RecordedEvent[]>([])
  const [state, setState] = useState<'none' | 'loading' | 'more' | 'all'>('none')
  const [problem, setProblem] = useState<Problem>()
  const continuation = useRef<string>(undefined)
  const gone = useRef(new AbortController())
  const more = async (): Promise<void> => {
    setState('loading')
    setProblem(undefined)
    try {
      const query = { key: docKey, limit: PAGE, continuation: continuation.current }
      const page = await get<DocumentEvents>(service, `/views/${view.name}/events`, query, gone.current.signal)
      continuation.current = page.continuation
      setEvents((before) => [...before, ...page.items])
      setState(page.continuation === undefined ? 'all' : 'more')
    } catch (error) {
      if (gone.current.signal.aborted) return
      setProblem(asProblem(error))
      setState('more')
    }
  }
  useEffect(() => {
    if (view.kind === 'one-stream') void more()
    return () => gone.current.abort()
  }, [])
  return (
    <section aria-labelledby="events-behind">
      <h3 id="events-behind">Events behind it</h3>
      {events.length > 0 && (
        <ol class="causes" aria-label="Events, the oldest first">
          {events.map((event) => (
            <EventBehind key={`${event.stream}@${event.version}`} event={event} service={service} />
          ))}
        </ol>
      )}
      {events.length === 0 && state === 'all' && <Empty>It has no events.</Empty>}
      {events.length === 0 && state === 'more' && !problem && (
        <p class="muted">None in the part of the log searched so far.</p>
      )}
      {problem && <ProblemFace problem={problem} />}
      {state === 'loading' && <Loading what="events" />}
      {state === 'none' && <p class="muted">Finding them takes a search through the log, some seconds at a time.</p>}
      {(state === 'none' || state === 'more') && (
        <button type="button" onClick={() => void more()}>
          {state === 'none' ? 'Find its events' : events.length === 0 ? 'Search further' : 'More events'}
        </button>
      )}
    </section>
  )
}

function EventBehind({ event, service }: { readonly event: RecordedEvent; readonly service: Service }): VNode {
  const { stream, version, type, time, actor, data } = event
  return (
    <li>
      <span class="event-line">
        <a href={streamHref(service.name, stream, version)} class="break">
          {stream}@{version}
        </a>
        <Time at={time} />
      </span>
      <span class={isRefusal(type) ? 'event-name is-refusal' : 'event-name'}>{type}</span>{' '}
      <span class="muted small">by {actor}</span>
      <span class="cause-summary muted small break">{summary(data, stream)}</span>
    </li>
  )
}
