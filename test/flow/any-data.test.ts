import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { EventHubConsumerClient, earliestEventPosition } from '@azure/event-hubs'
import fc from 'fast-check'
import { buildTopology } from 'tidemark/tools'
import { Client } from '../../packages/cli/demo/client.ts'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { localSettings } from '../../packages/cli/project/local-settings.ts'
import { rewriteJson } from '../../packages/functions-host/json-net/rewrite.ts'
import { testCleanup } from '../../packages/functions-host/test/support.ts'
import { startChild } from '../../packages/kit/child.ts'
import { startCloud } from '../../packages/local-cloud/cloud.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { anything } from '../../packages/tidemark/test/domain/anything.ts'

const VALUES = 300
const CONCURRENCY = 8
const main = fileURLToPath(new URL('../../packages/functions-host/main.ts', import.meta.url))

/** Texts in every date format that customers use, and near misses. */
const two = fc.integer({ min: 1, max: 28 }).map((n) => String(n).padStart(2, '0'))
const fraction = fc.constantFrom('', '.5', '.500', '.370', '.27', '.0000000', '.123456789')
const zone = fc.constantFrom('', 'Z', '+02:00', '-08:30', '+00:00', 'z', ' ')
const dateLike = fc.oneof(
  fc.constantFrom('2026-11-28T20:00:00.500+02:00', '2026-11-28T20:00:27.370Z', '2026-11-28', '/Date(1234567890000)/'),
  fc.tuple(two, two, fraction, zone).map(([day, minute, rest, at]) => `2026-11-${day}T12:${minute}:00${rest}${at}`),
  fc.tuple(two, two).map(([month, day]) => `2026-${month}-${day}`),
)
const safe = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e15, min: -1e15 }),
)
const number = safe.filter((n) => !Number.isInteger(n) || Number.isSafeInteger(n)).map((n) => (n === 0 ? 0 : n))
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const key = fc
  .oneof(dateLike, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }))
  .filter((k) => k !== '__proto__')
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    dateLike,
    text,
    number,
    fc.constantFrom(null, true, false),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(key, tie('json'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

/** The exact JSON, with object keys in a fixed order. */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, part) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}

it('any JSON of an event reaches log, hub, view and answers unchanged by a host that rewrites dates', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-any-'))
  const cleanup = testCleanup(t)
  cleanup(() => rm(folder, { recursive: true, force: true }))
  const topologyFile = join(folder, 'topology.json')
  await writeFile(topologyFile, JSON.stringify(buildTopology([anything])))
  const ports = { blob: await freePort(), eventHubs: await freePort(), cosmos: await freePort() }
  const cloud = await startCloud({ dataDir: folder, topologyFile, ports, fresh: false })
  cleanup(() => cloud.stop())
  const host = await startChild('functions', main, {
    ...localSettings(),
    ...cloud.settings,
    FUNCTIONS_HOST_PORT: '0',
    FUNCTIONS_HOST_MAIN: 'packages/tidemark/test/domain/anything-functions.ts',
  })
  cleanup(() => host.stop())

  const values = fc.sample(fc.oneof(json, fc.tuple(dateLike, json)), { numRuns: VALUES, seed: 20261128 })
  const rewritten = values.filter(
    (value) => plain(JSON.parse(rewriteJson(JSON.stringify({ value })))) !== plain({ value }),
  )
  assert.ok(rewritten.length > VALUES / 4, `the host rewrites only ${rewritten.length} values`)

  const client = new Client(`${host.address}/api/anything`)
  const answered = new Map<string, unknown>()
  const queue = values.entries()
  const worker = async (): Promise<void> => {
    for (const [index, value] of queue) {
      const stream = `thing-${index}`
      const label = `value ${index}: ${JSON.stringify(value)}`
      const { status, body } = await client.post(`/things/${index}/keep`, { value }, { 'idempotency-key': stream })
      assert.equal(status, 200, `${label}: ${JSON.stringify(body)}`)
      const view = await client.get(`/things/${index}?position=${encodeURIComponent(body.position)}`)
      assert.equal(view.status, 200, label)
      assert.equal(plain(view.body.value), plain(value), `the view has a changed ${label}`)
      const { body: events } = await client.get(`/streams/${stream}/events`)
      assert.equal(plain(events.items[0].data.value), plain(value), `the answer has a changed ${label}`)
      answered.set(stream, value)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
  assert.equal(answered.size, VALUES)

  const cosmos = new CosmosClient(cloud.settings.CosmosConnection ?? '')
  cleanup(() => cosmos.dispose())
  const { resources } = await cosmos.database('anything').container('events').items.readAll().fetchAll()
  const { events, faults } = readLog(resources)
  assert.deepEqual([events.length, faults], [VALUES, []])
  for (const { stream, data, published } of events) {
    assert.equal(plain(data.value), plain(answered.get(stream)), `the log has a changed private event ${stream}`)
    assert.equal(
      plain(published.data.told),
      plain(answered.get(stream)),
      `the log has a changed public event ${stream}`,
    )
  }

  const messages = await readHub(cloud.settings.EventHubConnection ?? '')
  assert.deepEqual([...messages.keys()].sort(), [...answered.keys()].sort())
  for (const [stream, { data, recorded }] of messages) {
    assert.equal(plain(data.told), plain(answered.get(stream)), `the hub has a changed public event ${stream}`)
    assert.equal(
      plain(JSON.parse(recorded).data.value),
      plain(answered.get(stream)),
      `the hub has a changed private event ${stream}`,
    )
  }
  t.diagnostic(`${VALUES} values, ${rewritten.length} of them with text that the host rewrites`)
})

// biome-ignore lint/suspicious/noExplicitAny: messages of any shape.
async function readHub(connection: string): Promise<Map<string, any>> {
  const client = new EventHubConsumerClient('$Default', connection, 'anything')
  const messages = new Map()
  try {
    const ends = await Promise.all((await client.getPartitionIds()).map((id) => client.getPartitionProperties(id)))
    for (const { partitionId, isEmpty, lastEnqueuedSequenceNumber } of ends) {
      if (isEmpty) continue
      await new Promise<void>((resolve, reject) => {
        const subscription = client.subscribe(
          partitionId,
          {
            async processEvents(events) {
              for (const { body } of events) messages.set(body.subject, body)
              if (events.at(-1)?.sequenceNumber === lastEnqueuedSequenceNumber) {
                void subscription.close()
                resolve()
              }
            },
            processError: async (error) => reject(error),
          },
          { startPosition: earliestEventPosition },
        )
      })
    }
  } finally {
    await client.close()
  }
  return messages
}
