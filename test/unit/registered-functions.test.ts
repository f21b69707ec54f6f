import assert from 'node:assert/strict'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadApp } from '../../packages/functions-host/app.ts'
import { matchRoute, parseRoute } from '../../packages/functions-host/route.ts'
import { connectionStrings } from '../../packages/test-support/connection-strings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

Object.assign(process.env, connectionStrings)
const { functions, capabilities } = await loadApp(root, 'functions/*.ts')

it('Event Hubs triggers bind text, so the host rewrites no message and accepts what is not JSON', (t) => {
  const triggers = functions.flatMap(({ metadata: { name, bindings } }) =>
    Object.values(bindings)
      .filter(({ type }) => type === 'eventHubTrigger')
      .map(({ dataType, cardinality }) => ({ name, dataType, cardinality })),
  )
  assert.ok(triggers.length > 10, `${triggers.length} triggers`)
  for (const { name, ...binding } of triggers)
    assert.deepEqual(binding, { dataType: 'string', cardinality: 'many' }, name)
  t.diagnostic(`${triggers.length} triggers`)
})

it('the host delivers empty messages too, so that each of a batch keeps its sequence number', () => {
  assert.equal(capabilities.IncludeEmptyEntriesInMessagePayload, 'true')
})

it('no two routes of all services match a common path, so function names do not matter', (t) => {
  const routes = functions.flatMap(({ metadata: { name, bindings } }) =>
    Object.values(bindings)
      .filter(({ type }) => type === 'httpTrigger')
      .map(({ route }) => ({ name, template: String(route), route: parseRoute(String(route), name) })),
  )
  assert.ok(routes.length > 20, `${routes.length} routes`)
  let pairs = 0
  for (const [index, one] of routes.entries())
    for (const other of routes.slice(index + 1)) {
      pairs += 1
      // A path of one route with the other's text in place of parameters, and a longer one for catch-all parameters.
      const others = other.template.split('/')
      const path = one.template.split('/').map((part, at) => (part.startsWith('{') ? (others[at] ?? 'x') : part))
      for (const parts of [path, [...path, 'x']])
        assert.ok(
          !(matchRoute(one.route, parts) && matchRoute(other.route, parts)),
          `${one.name} and ${other.name} both match /${parts.join('/')}`,
        )
    }
  t.diagnostic(`${pairs} pairs of ${routes.length} routes`)
})
