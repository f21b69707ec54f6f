import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OperationInput } from '@azure/cosmos'
import { until } from '../../test-support/wait.ts'
import type { CosmosTarget } from './support.ts'
import { newContainer } from './support.ts'

const WRITERS = 6
const BATCH = 3

/** What survives the end of the server. */
export function faults(target: () => CosmosTarget): void {
  test('after a SIGKILL every acknowledged batch is there as a whole, and no other batch in part', async (t) => {
    const { kill } = target()
    if (!kill) return t.skip('this target cannot be killed')
    const container = await newContainer(t, target())
    const acknowledged = Array.from({ length: WRITERS }, () => new Set<number>())
    let attempts = 0
    for (let round = 1; round <= 3; round++) {
      const writing = acknowledged.map(async (written, writer) => {
        for (;;) {
          const n = attempts++
          const operations = Array.from({ length: BATCH }, (_, part): OperationInput => {
            const resourceBody = { id: `${n}-${part}`, pk: `w${writer}`, n, text: 'x'.repeat(500) }
            return { operationType: 'Create', resourceBody }
          })
          try {
            const { code } = await container.items.batch(operations, `w${writer}`)
            assert.equal(code, 200)
          } catch {
            return
          }
          written.add(n)
        }
      })
      await until('acknowledgements', () => acknowledged.every(({ size }) => size >= round * 15))
      await kill()
      await Promise.all(writing)
      for (const [writer, written] of acknowledged.entries()) {
        const query = container.items.query<{ n: number; text: string }>('SELECT c.n, c.text FROM c', {
          partitionKey: `w${writer}`,
        })
        const { resources } = await query.fetchAll()
        const parts = Map.groupBy(resources, ({ n }) => n)
        for (const part of parts.values()) assert.equal(part.length, BATCH)
        assert.ok(resources.every(({ text }) => text.length === 500))
        for (const n of written) assert.ok(parts.has(n), `batch ${n} of writer ${writer} is lost`)
      }
    }
  })

  test('a connected client continues after a restart of the server', async (t) => {
    const { kill, restart } = target()
    if (!kill || !restart) return t.skip('this target cannot be restarted')
    const container = await newContainer(t, target())
    for (const end of [restart, kill]) {
      await container.items.upsert({ id: '1', pk: 'a' })
      await end()
      assert.equal((await container.item('1', 'a').read()).statusCode, 200)
    }
  })
}
