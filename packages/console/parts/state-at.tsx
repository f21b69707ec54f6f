import type { VNode } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { get, type Problem, type Service } from '../api/client.ts'
import type { RecordedEvent, StreamState } from '../api/contract.ts'
import { listChanges } from '../lib/diff.ts'
import { count, inline, listReasons, Time } from '../lib/format.tsx'
import { asProblem, pause } from '../lib/load.ts'
import { Loading, ProblemFace } from './faces.tsx'
import { Tree } from './tree.tsx'

/** While the user scrubs, only the version they stop at is fetched. */
const REST_MS = 90

interface Shot {
  readonly version: number
  readonly state: StreamState
  readonly before?: StreamState
}

/** The state at a version, and the changes of that version. */
export function StateAt({
  service,
  stream,
  version,
  event,
}: {
  readonly service: Service
  readonly stream: string
  readonly version: number
  readonly event: RecordedEvent | undefined
}): VNode {
  const kept = useRef(new Map<number, StreamState>())
  const [shot, setShot] = useState<Shot>()
  const [problem, setProblem] = useState<Problem>()
  const [round, setRound] = useState(0)
  useEffect(() => {
    const controller = new AbortController()
    const { signal } = controller
    const stateAt = async (at: number): Promise<StreamState> => {
      const known = kept.current.get(at)
      if (known) return known
      const path = `/streams/${encodeURIComponent(stream)}/state`
      const state = await get<StreamState>(service, path, { version: at }, signal)
      if (kept.current.size > 50) kept.current.clear()
      kept.current.set(at, state)
      return state
    }
    const run = async (): Promise<void> => {
      if (!kept.current.has(version)) await pause(REST_MS, signal)
      if (signal.aborted) return
      const [state, before] = await Promise.all([stateAt(version), version > 1 ? stateAt(version - 1) : undefined])
      setProblem(undefined)
      setShot({ version, state, ...(before ? { before } : {}) })
    }
    run().catch((error: unknown) => {
      if (!signal.aborted) setProblem(asProblem(error))
    })
    return () => controller.abort()
  }, [version, round])
  const current = shot?.version === version
  return (
    <section class="card" aria-labelledby="state-title" aria-busy={!current}>
      <div class="card-head">
        <h2 id="state-title">State at version {count(version)}</h2>
        {shot && current && (
          <span class="muted small">
            <Time at={shot.state.time} exact />
          </span>
        )}
      </div>
      {problem && <ProblemFace problem={problem} retry={() => setRound((before) => before + 1)} />}
      {!shot && !problem && <Loading what="the state" />}
      {shot && (
        <div class={current ? '' : 'is-stale'}>
          {current && event && <Changes shot={shot} event={event} />}
          <Tree
            label={`State at version ${shot.version}`}
            value={shot.state.state}
            before={shot.before?.state}
            compare={shot.before !== undefined}
          />
        </div>
      )}
    </section>
  )
}

/** Describes who changed which values, and why if the event has a reason. */
function Changes({ shot, event }: { readonly shot: Shot; readonly event: RecordedEvent }): VNode {
  const changes = shot.before ? listChanges(shot.state.state, shot.before.state) : []
  const reasons = listReasons(event.data)
  return (
    <div class="note">
      <strong class="break">{event.actor}</strong>{' '}
      {shot.before ? chooseVerb(changes.length, event) : 'started this stream.'}
      {changes.length > 0 && (
        <ul class="changes">
          {changes.slice(0, MAX_SHOWN).map(({ path, before, value, change }) => (
            <li key={path}>
              <code>{path}</code> {change === 'added' ? 'to' : 'from'}{' '}
              {change !== 'added' && (
                <>
                  <del>{inline(before)}</del> to{' '}
                </>
              )}
              {change === 'removed' ? 'nothing' : <ins>{inline(value)}</ins>}
            </li>
          ))}
        </ul>
      )}
      {changes.length > MAX_SHOWN && (
        <span class="muted small">and {changes.length - MAX_SHOWN} more, marked below</span>
      )}
      {reasons.map(([name, reason]) => (
        <p key={name} class="break">
          {name}: <strong>{reason}</strong>
        </p>
      ))}
    </div>
  )
}

const MAX_SHOWN = 6

function chooseVerb(changes: number, event: RecordedEvent): string {
  return changes === 0 ? `recorded ${event.type}; the state stayed the same.` : 'changed'
}
