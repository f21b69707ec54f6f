import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { type Answer, type Problem, post } from '../api/client.ts'
import type { Accepted } from '../api/contract.ts'
import { type Command, listCommands } from '../lib/commands.ts'
import { asProblem, useLoad } from '../lib/load.ts'
import { go, href, type Route, streamHref } from '../lib/route.ts'
import { hasSample, runSample, type Step } from '../lib/sample.ts'
import { actor, asActor, setActor, useServices } from '../lib/system.tsx'
import { Empty, Page, ProblemFace, WhenLoaded } from '../parts/faces.tsx'
import { blank, SchemaField } from '../parts/schema-form.tsx'
import { TraceView } from '../parts/trace.tsx'
import { Tree } from '../parts/tree.tsx'

export function TryPage({ route }: { readonly route: Route }): VNode {
  const services = useServices()
  const loaded = useLoad('openapi', (signal) => listCommands(services, signal))
  const chosen = route.query.get('command') ?? ''
  return (
    <Page title="Try it" intro="Sends commands like any client, and shows the events that each causes.">
      {hasSample(services) && <Sample />}
      <WhenLoaded loaded={loaded} what="the commands">
        {(commands) => {
          if (commands.length === 0) return <Empty>No service has commands.</Empty>
          const command = commands.find(({ id }) => id === chosen)
          const groups = Map.groupBy(commands, ({ service }) => service)
          return (
            <>
              <section class="card" aria-label="Command">
                <label class="field">
                  Command
                  <select
                    value={chosen}
                    onChange={({ currentTarget }) => go(href(['try'], { command: currentTarget.value }), true)}
                  >
                    <option value="">choose one</option>
                    {[...groups].map(([service, those]) => (
                      <optgroup key={service} label={service}>
                        {those.map(({ id, path }) => (
                          <option key={id} value={id}>
                            {service}: {path.slice(1)}
                          </option>
                        ))}
                      </optgroup>
                    ))}
                  </select>
                </label>
              </section>
              {command && <CommandForm key={command.id} command={command} />}
            </>
          )
        }}
      </WhenLoaded>
    </Page>
  )
}

interface Sent {
  readonly key: string
  readonly answer?: Answer<Accepted>
  readonly problem?: Problem
}

function CommandForm({ command }: { readonly command: Command }): VNode {
  const services = useServices()
  const [parameters, setParameters] = useState<Readonly<Record<string, string>>>({})
  const [body, setBody] = useState<unknown>(() => blank(command.body))
  const [as, setAs] = useState(actor)
  const [busy, setBusy] = useState(false)
  const [sent, setSent] = useState<Sent>()
  const send = async (): Promise<void> => {
    const service = services.find(({ name }) => name === command.service)
    if (!service) return
    setBusy(true)
    setActor(as)
    const key = crypto.randomUUID()
    const path = command.path.replace(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(parameters[name] ?? ''))
    try {
      const answer = await post<Accepted>(service, path, body, { 'idempotency-key': key, ...asActor(as) })
      setSent({ key, answer })
    } catch (error) {
      setSent({ key, problem: asProblem(error) })
    }
    setBusy(false)
  }
  return (
    <>
      <form
        class="card"
        aria-label={command.summary}
        onSubmit={(event) => {
          event.preventDefault()
          void send()
        }}
      >
        <h2>
          POST <code class="break">{command.path}</code> of {command.service}
        </h2>
        <div class="fields">
          <div class="field">
            <label for="as">Sent as</label>
            <input
              id="as"
              value={as}
              required
              pattern="[\x21-\x7e]+"
              onInput={({ currentTarget }) => setAs(currentTarget.value)}
            />
          </div>
          {command.parameters.map(({ name, schema }) => (
            <SchemaField
              key={name}
              name={name}
              schema={schema}
              required
              value={parameters[name]}
              onChange={(value) => setParameters({ ...parameters, [name]: String(value ?? '') })}
            />
          ))}
        </div>
        <SchemaField name="" schema={command.body} required value={body} onChange={setBody} />
        <button type="submit" class="primary" disabled={busy}>
          {busy ? 'Sending…' : 'Send'}
        </button>
      </form>
      {sent && <Outcome sent={sent} service={command.service} />}
    </>
  )
}

function Outcome({
  sent: { key, answer, problem },
  service,
}: {
  readonly sent: Sent
  readonly service: string
}): VNode | null {
  if (problem) return <ProblemFace problem={problem} of="the command took no effect" />
  if (!answer) return null
  const [, stream = '', version] = /^(.+)@(\d+)$/.exec(answer.body.position) ?? []
  return (
    <>
      <section class="card" aria-label="Answer">
        <div class="card-head">
          <h2>
            <output>Accepted: HTTP {answer.status}</output>
          </h2>
          <a href={streamHref(service, stream, Number(version))}>{answer.body.position}</a>
        </div>
        <Tree label="Answer" value={answer.body} />
      </section>
      <TraceView key={key} correlation={`command:${key}`} live />
    </>
  )
}

function Sample(): VNode {
  const services = useServices()
  const [busy, setBusy] = useState(false)
  const [steps, setSteps] = useState<readonly Step[]>([])
  const [problem, setProblem] = useState<Problem>()
  const [done, setDone] = useState(false)
  const run = async (): Promise<void> => {
    setBusy(true)
    setDone(false)
    setProblem(undefined)
    setSteps([])
    try {
      await runSample(services, (step) => setSteps((before) => [...before, step]))
      setDone(true)
    } catch (error) {
      setProblem(asProblem(error))
    }
    setBusy(false)
  }
  return (
    <section class="card" aria-labelledby="sample">
      <div class="card-head">
        <h2 id="sample">Sample data</h2>
        <button type="button" class="primary" disabled={busy} onClick={() => void run()}>
          {busy ? 'Ordering…' : 'Make sample data'}
        </button>
      </div>
      <p class="muted">
        Receives stock, places seven orders, changes an address, cancels one, and ships two. One order is rejected, and
        one payment is declined.
      </p>
      {problem && <ProblemFace problem={problem} />}
      {steps.length > 0 && (
        <ol class="steps" aria-label="Steps">
          {steps.map(({ text, service, stream }, index) => (
            <li key={`${index} ${stream}`}>
              {text}:{' '}
              <a href={streamHref(service, stream)} class="break">
                {stream}
              </a>
            </li>
          ))}
        </ol>
      )}
      {done && (
        <p role="status">
          Done. <a href={href(['streams'])}>See the streams</a>
        </p>
      )}
    </section>
  )
}
