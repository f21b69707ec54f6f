import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { get, type Problem, post, type Service } from '../api/client.ts'
import type { ParkedList, ParkedMessage, ParkedStream } from '../api/contract.ts'
import { plural, Time } from '../lib/format.tsx'
import { asProblem, usePoll } from '../lib/load.ts'
import { type Route, streamHref } from '../lib/route.ts'
import { asActor, askAll, findOwner, useServices } from '../lib/system.tsx'
import { AskReason } from '../parts/dialog.tsx'
import { Empty, Page, ProblemFace, ServiceProblems, WhenLoaded } from '../parts/faces.tsx'

const POLL_MS = 5000

interface Acted {
  readonly items: readonly { readonly outcome: string; readonly reason?: string }[]
  readonly more: boolean
}

export function ParkedPage({ route }: { readonly route: Route }): VNode {
  const only = route.query.get('service')
  const services = useServices().filter(({ name }) => !only || name === only)
  const loaded = usePoll(
    `parked ${only}`,
    async (signal) => {
      const answers = await askAll(services, (each) => get<ParkedList>(each, '/parked', {}, signal))
      const streams = answers.flatMap(({ value }) => value?.streams ?? []).map(({ stream }) => stream)
      const owners = await Promise.all(
        [...new Set(streams)].map(async (each) => [each, await findOwner(services, each)] as const),
      )
      return { answers, owners: new Map(owners) }
    },
    POLL_MS,
  )
  return (
    <Page
      title="Parked"
      intro="Streams and messages that could not be processed. Each waits alone, and everything else continues."
    >
      <WhenLoaded loaded={loaded} what="what is parked">
        {({ answers, owners }) => {
          const waiting = answers.filter(
            ({ value }) => (value?.streams.length ?? 0) + (value?.messages.length ?? 0) > 0,
          )
          return (
            <>
              <ServiceProblems answers={answers} retry={loaded.reload} />
              {waiting.length === 0 && answers.some(({ value }) => value) && (
                <Empty>Nothing is parked. All events were processed.</Empty>
              )}
              {waiting.map(({ service, value }) => (
                <section key={service.api} aria-label={`Parked in ${service.name}`}>
                  <h2 class="section-title">{service.name}</h2>
                  {value?.streams.map((each) => (
                    <StreamCard
                      key={`${each.handler} ${each.stream}`}
                      service={service}
                      parked={each}
                      owner={owners.get(each.stream)}
                      reload={loaded.reload}
                    />
                  ))}
                  {value?.messages.map((each) => (
                    <MessageCard key={each.id} service={service} message={each} reload={loaded.reload} />
                  ))}
                </section>
              ))}
            </>
          )
        }}
      </WhenLoaded>
    </Page>
  )
}

/** A way to discard what is parked. It cannot be undone. */
interface GivingUp {
  readonly action: 'skip' | 'discard'
  readonly title: string
  readonly means: string
}

/** Sends an action. @returns `feedback`: the question before an action that cannot be undone, and the outcome. */
function useAction(service: Service, chosen: Readonly<Record<string, string>>, reload: () => void) {
  const [busy, setBusy] = useState(false)
  const [outcome, setOutcome] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const [asking, ask] = useState<GivingUp>()
  const act = async (action: GivingUp['action'] | 'redrive', given: { readonly reason?: string } = {}) => {
    ask(undefined)
    setBusy(true)
    setProblem(undefined)
    try {
      const { body } = await post<Acted>(service, `/parked/${action}`, { ...chosen, ...given }, asActor())
      setOutcome(body.items.map((item) => outcomes[item.outcome] ?? item.outcome).join(', '))
    } catch (error) {
      setProblem(asProblem(error))
    }
    setBusy(false)
    reload()
  }
  const feedback = (
    <>
      {problem && <ProblemFace problem={problem} />}
      {outcome && <p role="status">{outcome}</p>}
      {asking && (
        <AskReason
          title={asking.title}
          action={asking.action === 'skip' ? 'Skip it' : 'Discard it'}
          cancel={() => ask(undefined)}
          confirm={(reason) => void act(asking.action, { reason })}
        >
          {asking.means}
        </AskReason>
      )}
    </>
  )
  return { busy, act, ask, feedback }
}

const outcomes: Readonly<Record<string, string>> = {
  done: 'Processed.',
  waits: 'It still cannot be processed, and stays parked.',
  needless: 'It is no longer needed.',
  discarded: 'Discarded.',
  failed: 'This failed. It stays parked.',
}

const KEPT = 'The log keeps the events, and records who discarded them.'

function StreamCard({
  service,
  parked,
  owner,
  reload,
}: {
  readonly service: Service
  readonly parked: ParkedStream
  readonly owner: string | undefined
  readonly reload: () => void
}): VNode {
  const { consumer, handler, stream, version, type, code, reason, since, attempts, nextAttempt, events, place } = parked
  const { busy, act, ask, feedback } = useAction(service, { stream, handler }, reload)
  const name = `${stream}@${version}`
  const skip: GivingUp = {
    action: 'skip',
    title: `Skip ${name} for ${handler}?`,
    means: `${handler} will never handle this event. The events behind it are processed. ${KEPT}`,
  }
  const discard: GivingUp = {
    action: 'discard',
    title: `Discard all parked events of ${stream} for ${handler}?`,
    means: `${handler} will never handle these events. ${KEPT}`,
  }
  return (
    <article class="card" aria-label={`${name} for ${handler}`}>
      <div class="card-head">
        <h3 class="card-title break">
          <a href={streamHref(owner ?? service.name, stream, version)}>{name}</a> waits for {handler}
        </h3>
        <span class="muted small">
          since <Time at={since} />
        </span>
      </div>
      <p class="reason break">
        <strong>{reason}</strong> <code>{code}</code>
      </p>
      <p class="muted small">
        {type}, in {consumer}
        {place
          ? `, hub ${place.hub}, partition ${place.partition}` +
            (place.sequence === undefined ? '' : `, message ${place.sequence}`)
          : ''}
        . {plural(attempts, 'attempt')}, the next <Time at={nextAttempt} />
        {events > 1 ? `. ${plural(events, 'event')} wait behind it.` : '.'}
      </p>
      {feedback}
      <div class="tools">
        <button type="button" class="primary" disabled={busy} onClick={() => void act('redrive')}>
          Try again now
        </button>
        <button type="button" disabled={busy} onClick={() => ask(skip)}>
          Skip this event…
        </button>
        <button type="button" class="danger" disabled={busy} onClick={() => ask(discard)}>
          Discard all parked events…
        </button>
      </div>
    </article>
  )
}

const discardMessage: GivingUp = {
  action: 'discard',
  title: 'Discard this message?',
  means: 'The message is deleted. Who discarded it, and why, is recorded.',
}

function MessageCard({
  service,
  message,
  reload,
}: {
  readonly service: Service
  readonly message: ParkedMessage
  readonly reload: () => void
}): VNode {
  const { id, consumer, place, code, reason, body, bytes, since } = message
  const { busy, ask, feedback } = useAction(service, { message: id }, reload)
  return (
    <article class="card" aria-label={`Message ${id}`}>
      <div class="card-head">
        <h3 class="card-title break">
          A message of hub {place.hub}, partition {place.partition}
          {place.sequence === undefined ? '' : `, number ${place.sequence}`}
        </h3>
        <span class="muted small">
          since <Time at={since} />
        </span>
      </div>
      <p class="reason break">
        <strong>{reason}</strong> <code>{code}</code>
      </p>
      <p class="muted small">
        It belongs to no stream. In {consumer}, {plural(bytes, 'byte')}.
      </p>
      <pre tabIndex={0} role="group" aria-label="Body">
        {body}
      </pre>
      {feedback}
      <button type="button" class="danger" disabled={busy} onClick={() => ask(discardMessage)}>
        Discard it…
      </button>
    </article>
  )
}
