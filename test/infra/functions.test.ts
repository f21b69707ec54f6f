import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildTopology } from 'tidemark/tools'
import { services } from '../../packages/cli/project/config.ts'
import { loadApp } from '../../packages/functions-host/app.ts'
import { connectionStrings } from '../../packages/test-support/connection-strings.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

describe('the functions that the topology names', () => {
  it('are the registered functions without an HTTP trigger', async (t) => {
    Object.assign(process.env, connectionStrings)
    const { functions } = await loadApp(root, 'functions/*.ts')
    const triggered = functions
      .filter(({ metadata }) => !Object.values(metadata.bindings).some(({ type }) => type === 'httpTrigger'))
      .map(({ metadata }) => metadata.name)
    const named = buildTopology(services).services.flatMap(
      ({ functions: { relay, projections, reactions, periodic } }) => [
        ...(relay === undefined ? [] : [relay]),
        ...[...projections, ...reactions, periodic],
      ],
    )
    assert.ok(triggered.length > services.length)
    assert.deepEqual(named.toSorted(), triggered.toSorted())
    t.diagnostic(`${triggered.length} functions`)
  })
})
