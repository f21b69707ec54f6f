import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { buildTopology } from 'tidemark/tools'
import sample from '../../local.settings.sample.json' with { type: 'json' }
import { services } from '../../packages/cli/project/config.ts'
import { Command } from '../../packages/test-support/command.ts'
import { placeBody } from '../support/orders.ts'
import { callOnceSeen } from '../support/system.ts'

describe('npm run cloud', () => {
  it("runs every function with the sample's settings, on the ports that the sample names", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-cloud-'))
    const cloud = new Command('packages/cli/cloud.ts', [], {
      TIDEMARK_DATA: join(folder, 'data'),
      TIDEMARK_REQUIRE_TOKEN: '0',
    })
    try {
      await cloud.prints('ready')
      const host = new Command('packages/functions-host/main.ts', [], {
        ...sample.Values,
        FUNCTIONS_HOST_PORT: '0',
        // The sample names the file in the default data folder.
        PersonalKeys: join(folder, 'data', 'personal-keys'),
      })
      try {
        const routed = services.flatMap(({ name, resources = [] }) =>
          resources.flatMap(({ documents, commands }) => [
            ...(documents ? [`${name}-${documents.list}`, `${name}-${documents.one}`] : []),
            ...(commands ? [`${name}-${commands.decider.category}-command`] : []),
          ]),
        )
        const triggered = buildTopology(services).services.flatMap(({ functions }) => Object.values(functions).flat())
        const registered = [...routed, ...triggered]
        assert.ok(
          routed.length > 12 && triggered.length > 15,
          `only ${routed.length} and ${triggered.length} were found`,
        )
        for (const name of registered) await host.prints(`${name}: `)
        await host.prints('/api/ordering/orders/{id}/{command}')
        const base = /http:\/\/127\.0\.0\.1:\d+\/api\/ordering/.exec(host.output)?.[0]
        const headers = { 'content-type': 'application/json' }
        const placed = await fetch(`${base}/orders`, { method: 'POST', headers, body: JSON.stringify(placeBody) })
        assert.equal(placed.status, 201)
        const { id, position } = (await placed.json()) as { id: string; position: string }
        const seen = await callOnceSeen('GET', `${base}/orders/${id}?position=${encodeURIComponent(position)}`)
        assert.equal(seen.status, 200)
        // Nothing is in stock, so inventory's refusal returns through its relay, its hub and ordering's reaction.
        const decided = await callOnceSeen(
          'GET',
          `${base}/orders/${id}?position=${encodeURIComponent(`order-${id}@2`)}`,
        )
        assert.equal(decided.body.status, 'rejected')
      } finally {
        host.kill('SIGTERM')
        assert.equal((await host.ended).code, 0, host.output)
      }
      cloud.kill('SIGINT')
      assert.equal((await cloud.ended).code, 0, cloud.output)
    } finally {
      cloud.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  })
})
