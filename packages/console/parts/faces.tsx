import type { ComponentChildren, VNode } from 'preact'
import type { Problem } from '../api/client.ts'
import { asProblem, type Loaded } from '../lib/load.ts'
import type { ServiceAnswer } from '../lib/system.tsx'

export function Loading({ what }: { readonly what: string }): VNode {
  return (
    <p class="face" role="status">
      <span class="spinner" aria-hidden="true" /> Loading {what}…
    </p>
  )
}

export function Empty({ children }: { readonly children: ComponentChildren }): VNode {
  return <div class="face face-empty">{children}</div>
}

const titles: Readonly<Record<string, string>> = {
  offline: 'No answer',
  away: 'The service is not available',
  'token-required': 'This console has no access',
  'operator-only': 'Only operators may see this',
  'route-missing': 'Not in this build',
}

const hints: Readonly<Record<string, string>> = {
  'token-required': '. Open the address that was printed at the start: it contains the token.',
  'operator-only': '. Ask for the role Tidemark.Operator.',
}

/** Shows a problem, in the service's own words, and what to do. */
export function ProblemFace({
  problem,
  of,
  retry,
}: {
  readonly problem: Problem
  readonly of?: string
  readonly retry?: (() => void) | undefined
}): VNode {
  const title = titles[problem.code] ?? 'This failed'
  return (
    <div class="face face-problem" role="alert">
      <strong>
        {title}
        {of ? `: ${of}` : ''}
      </strong>
      <p>{problem.message}</p>
      {problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ pointer, detail }) => (
            <li key={pointer}>
              <code>{pointer || '/'}</code> {detail}
            </li>
          ))}
        </ul>
      )}
      <p class="muted">
        <code>{problem.code}</code>
        {problem.status > 0 ? `, HTTP ${problem.status}` : ''}
        {hints[problem.code] ?? ''}
      </p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/**
 * Shows the fetched value, or that it is loading or failed. If a later fetch fails, the old value stays, with
 * a note.
 */
export function WhenLoaded<Value>({
  loaded,
  what,
  children,
}: {
  readonly loaded: Loaded<Value>
  readonly what: string
  readonly children: (value: Value) => ComponentChildren
}): VNode {
  const { value, problem, reload } = loaded
  if (value === undefined) return problem ? <ProblemFace problem={problem} retry={reload} /> : <Loading what={what} />
  return (
    <>
      {problem && <ProblemFace problem={problem} of={`${what} may be out of date`} />}
      {children(value)}
    </>
  )
}

/** Shows a problem for each service that did not answer. The same problem of several is shown once. */
export function ServiceProblems({
  answers,
  retry,
}: {
  readonly answers: readonly ServiceAnswer<unknown>[]
  readonly retry?: () => void
}): VNode {
  const failed = answers.filter(({ error }) => error !== undefined)
  const groups = Map.groupBy(failed, ({ error }) => asProblem(error).code)
  return (
    <>
      {[...groups].map(([code, those]) => (
        <ProblemFace
          key={code}
          problem={asProblem(those[0]?.error)}
          of={those.map(({ service }) => service.name).join(', ')}
          retry={retry}
        />
      ))}
    </>
  )
}

export function Page({
  title,
  intro,
  tools,
  children,
}: {
  readonly title: ComponentChildren
  readonly intro?: ComponentChildren
  readonly tools?: ComponentChildren
  readonly children: ComponentChildren
}): VNode {
  return (
    <>
      <div class="page-head">
        <div>
          <h1>{title}</h1>
          {intro && <p class="muted">{intro}</p>}
        </div>
        {tools && <div class="tools">{tools}</div>}
      </div>
      {children}
    </>
  )
}
