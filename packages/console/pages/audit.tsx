import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type Problem, post, type Service } from '../api/client.ts'
import type { About, Verification, Versions } from '../api/contract.ts'
import { count, inline, plural } from '../lib/format.tsx'
import { asProblem, useLoad } from '../lib/load.ts'
import { streamHref } from '../lib/route.ts'
import { listFields, schemaChanges } from '../lib/schema-diff.ts'
import { asActor, askAll, readAbout, useServices } from '../lib/system.tsx'
import { Empty, Page, ProblemFace, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'
import { Tree } from '../parts/tree.tsx'

export function AuditPage(): VNode {
  const services = useServices()
  const abouts = useLoad('abouts', () => askAll(services, readAbout))
  return (
    <Page title="Audit" intro="Checks whether the logs are unchanged, and shows the versions of their events.">
      <section class="card" aria-labelledby="verification">
        <h2 id="verification">Verification</h2>
        <p class="muted">
          Reads the whole log of a service. Checks every event against its hash, every link between events, and every
          receipt.
        </p>
        {services.map((service) => (
          <Verify key={service.api} service={service} />
        ))}
      </section>
      <h2 class="section-title">Events and their versions</h2>
      <WhenLoaded loaded={abouts} what="the events">
        {(answers) => (
          <>
            <ServiceProblems answers={answers} retry={abouts.reload} />
            {answers.map(
              ({ service, value }) => value && <EventTypes key={service.api} service={service} about={value} />,
            )}
          </>
        )}
      </WhenLoaded>
    </Page>
  )
}

interface Run {
  readonly state: 'running' | 'done' | 'stopped'
  readonly checked: Verification['checked']
  readonly findings: Verification['findings']
  readonly found: number
  readonly progress: Verification['progress']
}

const MOST_SHOWN = 1000
const NOTHING_YET: Run = {
  state: 'running',
  checked: { streams: 0, commits: 0, events: 0, receipts: 0 },
  findings: [],
  found: 0,
  progress: { done: 0, total: 0 },
}

function addCounts(a: Run['checked'], b: Run['checked']): Run['checked'] {
  return {
    streams: a.streams + b.streams,
    commits: a.commits + b.commits,
    events: a.events + b.events,
    receipts: a.receipts + b.receipts,
  }
}

function Verify({ service }: { readonly service: Service }): VNode {
  const [run, setRun] = useState<Run>()
  const [problem, setProblem] = useState<Problem>()
  const stopped = useRef(false)
  useEffect(
    () => () => {
      stopped.current = true
    },
    [],
  )
  const start = async (): Promise<void> => {
    stopped.current = false
    setProblem(undefined)
    let held: Run = NOTHING_YET
    setRun(held)
    try {
      for (let continuation: string | undefined, first = true; first || continuation !== undefined; first = false) {
        const { body }: { body: Verification } = await post<Verification>(
          service,
          '/verification',
          continuation === undefined ? {} : { continuation },
          asActor(),
        )
        if (stopped.current) break
        continuation = body.continuation
        held = {
          state: continuation === undefined ? 'done' : 'running',
          // Each answer has only its own counts; only `progress` covers the whole log.
          checked: addCounts(held.checked, body.checked),
          findings: [...held.findings, ...body.findings].slice(0, MOST_SHOWN),
          found: held.found + body.found,
          progress: body.progress,
        }
        setRun(held)
      }
    } catch (error) {
      setProblem(asProblem(error))
    }
    if (held.state === 'running') setRun({ ...held, state: 'stopped' })
  }
  return (
    <div class="verify" role="group" aria-label={`Verification of ${service.name}`}>
      <div class="card-head">
        <h3 class="card-title">{service.name}</h3>
        {run?.state === 'running' ? (
          <button
            type="button"
            onClick={() => {
              stopped.current = true
            }}
          >
            Stop
          </button>
        ) : (
          <button type="button" onClick={() => void start()}>
            Verify {service.name}
          </button>
        )}
      </div>
      {problem && <ProblemFace problem={problem} />}
      {run && <VerificationResult run={run} service={service} />}
    </div>
  )
}

function VerificationResult({ run, service }: { readonly run: Run; readonly service: Service }): VNode {
  const { state, checked, findings, found, progress } = run
  const { commits, events, receipts, streams } = checked
  return (
    <>
      {state === 'running' && (
        <progress
          aria-label={`Verification of ${service.name}`}
          value={progress.done}
          max={Math.max(progress.total, 1)}
        />
      )}
      <p role="status" class={state === 'done' && found === 0 ? 'note note-ok' : 'note'}>
        {state === 'done' && found === 0 && <strong>The log is unchanged. </strong>}
        {state === 'done' && found > 0 && (
          <strong>
            {plural(found, 'finding')}
            {found > findings.length ? `, the first ${count(findings.length)} below` : ''}.{' '}
          </strong>
        )}
        {state === 'stopped' && <strong>Stopped before the end. </strong>}
        {plural(streams, 'stream')}, {plural(commits, 'commit')}, {plural(events, 'event')} and{' '}
        {plural(receipts, 'receipt')} checked
        {state === 'running' ? `, ${count(progress.done)} of ${count(progress.total)}` : ''}.
      </p>
      {findings.length > 0 && (
        <ul class="matches">
          {findings.map(({ place, wrong, detail }, index) => (
            <li key={`${index} ${place}`} class="break">
              <Place place={place} service={service} /> <strong class="is-refusal">{wrong}</strong>: {detail}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

/** A link, if the place is a stream or an event of one. */
function Place({ place, service }: { readonly place: string; readonly service: Service }): VNode {
  const [, stream, version] = /^([a-z][a-z0-9]*-[A-Za-z0-9][A-Za-z0-9._~:-]*)(?:@(\d+))?$/.exec(place) ?? []
  if (stream === undefined) return <code>{place}</code>
  return <a href={streamHref(service.name, stream, version === undefined ? undefined : Number(version))}>{place}</a>
}

function EventTypes({ service, about }: { readonly service: Service; readonly about: About }): VNode {
  return (
    <section class="card" aria-label={`Events of ${service.name}`}>
      <h3 class="card-title">{service.name}</h3>
      {about.events.length === 0 && <Empty>It has no event.</Empty>}
      {about.events.map((event) => (
        <details key={event.type} class="event-type">
          <summary>
            <strong>{event.type}</strong> <span class="muted small">{describeType(event)}</span>
          </summary>
          {event.versions.length === 0 && <Empty>Its versions are in the folder schemas of the project.</Empty>}
          <VersionList versions={event} />
          {event.published && event.published.versions.length > 0 && (
            <>
              <h4>Public event: {event.published.type}</h4>
              <VersionList versions={event.published} />
            </>
          )}
        </details>
      ))}
    </section>
  )
}

/** Such as `2 versions, published`. A type that has ended may be declared by its name alone. */
function describeType({ type, versions, ended, published }: About['events'][number]): string {
  const parts = [
    ...(ended ? [ended.length === 0 ? 'retired, read as nothing' : `ended, read as ${ended.join(', ')}`] : []),
    ...(versions.length > 0 ? [plural(versions.length, 'version')] : []),
    ...(published ? [`published${published.type === type ? '' : ` as ${published.type}`}`] : []),
  ]
  return parts.join(', ')
}

function VersionList({ versions: { versions } }: { readonly versions: Versions }): VNode {
  return (
    <>
      {versions.toReversed().map(({ version, change, schema }) => {
        const before = versions.find((each) => each.version === version - 1)
        const changes = before ? schemaChanges(schema, before.schema) : []
        return (
          <div key={version} class="schema-version">
            <h4>
              Version {version} <span class={change === 'breaking' ? 'is-refusal' : 'muted'}>{change}</span>
            </h4>
            {before && (
              <ul class="changes" aria-label={`Changes from version ${version - 1}`}>
                {changes.length === 0 && <li>the same fields</li>}
                {changes.map(({ path, change: how, before: old, value }) => (
                  <li key={path}>
                    <code>{path}</code> {how}: {how !== 'added' && <del>{inline(old)}</del>}{' '}
                    {how !== 'removed' && <ins>{inline(value)}</ins>}
                  </li>
                ))}
              </ul>
            )}
            <details>
              <summary>Its fields</summary>
              <Tree label={`Fields of version ${version}`} value={listFields(schema)} />
            </details>
          </div>
        )
      })}
    </>
  )
}
