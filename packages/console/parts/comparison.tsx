import type { VNode } from 'preact'
import type { Service } from '../api/client.ts'
import type { Comparison, ViewRow } from '../api/contract.ts'
import { listRows } from '../lib/diff.ts'
import { getDocument } from '../lib/document.ts'
import { count, inline, plural } from '../lib/format.tsx'
import { useLoad } from '../lib/load.ts'
import { href, type Route } from '../lib/route.ts'
import { WhenLoaded } from './faces.tsx'

interface Compared {
  readonly service: Service
  readonly view: ViewRow
  readonly built: number
}

/** The differences between the built and the live generation, with a document of both side by side. */
export function ComparisonCard({
  service,
  view,
  built,
  comparison,
  route,
}: Compared & { readonly comparison: Comparison; readonly route: Route }): VNode {
  const { compared, changed, added, removed, examples } = comparison
  const chosen = route.query.get('compare') ?? ''
  const differ = changed + added + removed
  return (
    <section class="card" aria-labelledby="comparison">
      <h2 id="comparison">
        Generation {built} compared with {view.live}, the live one
      </h2>
      {differ === 0 ? (
        <p class="note note-ok">
          <strong>Nothing differs.</strong> {plural(compared, 'document')} compared.
        </p>
      ) : (
        <>
          <dl class="figures">
            {Object.entries({ compared, changed, added, removed }).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{count(value)}</dd>
              </div>
            ))}
          </dl>
          <h3>{differ > examples.length ? `The first ${examples.length} of ${count(differ)}` : 'What differs'}</h3>
          <ul class="chips examples" aria-label="Documents that differ">
            {examples.map(({ key, difference }) => (
              <li key={key} class="chip">
                <a
                  href={href(['views', service.name, view.name], { ...Object.fromEntries(route.query), compare: key })}
                  aria-current={key === chosen || undefined}
                >
                  {key}
                </a>{' '}
                {difference}
              </li>
            ))}
          </ul>
        </>
      )}
      {chosen !== '' && <SideBySide key={chosen} service={service} view={view} built={built} docKey={chosen} />}
    </section>
  )
}

function SideBySide({ service, view, built, docKey }: Compared & { readonly docKey: string }): VNode {
  const loaded = useLoad(`${service.api} ${view.name} ${built} ${view.live}`, (signal) =>
    Promise.all(
      [view.live, built].map((generation) => getDocument(service, view.name, { key: docKey, generation }, signal)),
    ),
  )
  return (
    <>
      <h3 class="break">{docKey}</h3>
      <WhenLoaded loaded={loaded} what="both documents">
        {([live, next]) => {
          const rows = listRows(next?.document, live?.document, true)
          const differ = rows.filter(({ change }) => change).length
          return (
            <>
              {differ === 0 && <p class="muted">Both are equal now.</p>}
              <div class="scroll-x" tabIndex={0} role="group" aria-label={`${docKey} in both generations`}>
                <table class="beside">
                  <thead>
                    <tr>
                      <th scope="col">Field</th>
                      <th scope="col">Generation {view.live}, live</th>
                      <th scope="col">Generation {built}, built</th>
                    </tr>
                  </thead>
                  <tbody>
                    {rows.map(({ path, name, depth, change, before, value }) => (
                      <tr key={path} class={change ? `is-${change}` : ''}>
                        <th scope="row" style={{ paddingInlineStart: `${8 + depth * 16}px` }}>
                          {name}
                          {change && <span class="visually-hidden"> {change}</span>}
                        </th>
                        <td>{renderSide(change ? before : value, change !== undefined)}</td>
                        <td>{renderSide(value, change !== undefined)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            </>
          )
        }}
      </WhenLoaded>
    </>
  )
}

function renderSide(value: unknown, differs: boolean): VNode | string {
  if (value === undefined) return ''
  return differs ? <mark>{inline(value)}</mark> : inline(value)
}
