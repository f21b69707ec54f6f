import type { VNode } from 'preact'
import { useState } from 'preact/hooks'
import { type Problem, post, type Service } from '../api/client.ts'
import type { Rebuild, ViewRow } from '../api/contract.ts'
import { count, plural, Time } from '../lib/format.tsx'
import { asProblem } from '../lib/load.ts'
import type { Route } from '../lib/route.ts'
import { asActor } from '../lib/system.tsx'
import { ComparisonCard } from './comparison.tsx'
import { Confirm } from './dialog.tsx'
import { ProblemFace } from './faces.tsx'

type Action = Rebuild['action']

/** An action on generations, and the question before it. */
interface Question {
  readonly button: string
  readonly isPossible: boolean
  readonly title: string
  readonly text: string
  readonly choices: readonly (readonly [title: string, action: Action])[]
}

function listQuestions({ name, live, generations }: ViewRow, built: number | undefined): readonly Question[] {
  const replaced = built === undefined ? '' : ` Generation ${built}, which was built, is removed.`
  return [
    {
      button: 'Rebuild…',
      isPossible: true,
      title: `Rebuild ${name}?`,
      text:
        'The next generation is built from the log, beside the live one. Queries read the live one meanwhile. ' +
        `You can promote the next one as soon as it is complete, or compare the two first.${replaced}`,
      choices: [
        ['Build and compare', 'build'],
        ['Rebuild and promote', 'rebuild'],
      ],
    },
    {
      button: 'Promote…',
      isPossible: built !== undefined,
      title: `Promote generation ${built} of ${name}?`,
      text: `Queries then read generation ${built}. Generation ${live} is kept, so you can roll back.`,
      choices: [['Promote', 'promote']],
    },
    {
      button: 'Abandon…',
      isPossible: built !== undefined,
      title: `Abandon generation ${built} of ${name}?`,
      text: `Generation ${built} is removed. Queries still read generation ${live}.`,
      choices: [['Abandon', 'abandon']],
    },
    {
      button: 'Roll back…',
      isPossible: generations.some(({ role }) => role === 'previous'),
      title: `Roll back ${name} to the previous generation?`,
      text: `Queries read the previous generation again, once it has caught up with the live one.${replaced}`,
      choices: [['Roll back', 'go-back']],
    },
  ]
}

/** The generations of a view, the actions on them, and the last action. */
export function Generations({
  service,
  view,
  route,
  reload,
}: {
  readonly service: Service
  readonly view: ViewRow
  readonly route: Route
  readonly reload: () => void
}): VNode {
  const [asking, setAsking] = useState<Question>()
  const [problem, setProblem] = useState<Problem>()
  const { name, rebuild, generations } = view
  const running = rebuild?.state === 'running'
  const built = generations.find(({ role }) => role === 'built')?.number
  const act = async (action: Action): Promise<void> => {
    setAsking(undefined)
    setProblem(undefined)
    try {
      await post(service, `/views/${name}/${action}`, {}, asActor())
    } catch (error) {
      setProblem(asProblem(error))
    }
    reload()
  }
  return (
    <>
      <section class="card" aria-labelledby="generations">
        <div class="card-head">
          <h2 id="generations">Generations</h2>
          <div class="tools">
            {listQuestions(view, built).map((each) => (
              <button
                key={each.button}
                type="button"
                disabled={running || !each.isPossible}
                onClick={() => setAsking(each)}
              >
                {each.button}
              </button>
            ))}
          </div>
        </div>
        {problem && <ProblemFace problem={problem} />}
        <ul class="chips generations">
          {generations.map(({ number, role, left }) => (
            <li key={number} class={role === 'live' ? 'chip is-live' : 'chip'}>
              {number}: {role === 'writing' ? 'being built' : role}
              {left ? (
                <>
                  , left <Time at={left} />
                </>
              ) : null}
            </li>
          ))}
        </ul>
        {rebuild && <Progress rebuild={rebuild} />}
        {asking && (
          <Confirm
            title={asking.title}
            cancel={() => setAsking(undefined)}
            choices={asking.choices.map(([title, action]) => ({ title, choose: () => void act(action) }))}
          >
            {asking.text}
          </Confirm>
        )}
      </section>
      {built !== undefined && rebuild?.comparison && (
        <ComparisonCard service={service} view={view} built={built} comparison={rebuild.comparison} route={route} />
      )}
    </>
  )
}

const stages: Readonly<Record<Rebuild['stage'], string>> = {
  reading: 'reading the log',
  handover: 'handing over',
  comparing: 'comparing',
  built: 'built',
  live: 'cleaning up',
}
const names: Readonly<Record<Action, string>> = {
  rebuild: 'Rebuild to',
  build: 'Build of',
  promote: 'Promotion of',
  'promote-if-equal': 'Promotion of',
  abandon: 'Removal of',
  'go-back': 'Rollback to',
}

function Progress({ rebuild }: { readonly rebuild: Rebuild }): VNode {
  const { action, state, stage, target, commits, total, by, startedAt, updatedAt, code, reason } = rebuild
  const what = `${names[action]} ${target === undefined ? 'a generation' : `generation ${target}`}`
  const running = state === 'running'
  const amount = running ? `${count(commits)} of ${count(total)}` : plural(commits, 'commit')
  return (
    <div class={state === 'failed' ? 'face face-problem' : 'note'} role="status">
      <strong>{what}</strong>: {running ? (stage === 'reading' && total === 0 ? 'begun' : stages[stage]) : state}
      {total > 0 && `, ${amount}`}. By {by}, <Time at={startedAt} />
      {!running && (
        <>
          {' '}
          to <Time at={updatedAt} />
        </>
      )}
      {running && <progress aria-label={what} value={commits} max={Math.max(total, 1)} />}
      {state === 'failed' && (
        <p>
          {reason} <code>{code}</code>
        </p>
      )}
    </div>
  )
}
