import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Container, OperationInput } from '@azure/cosmos'
import { BulkWriter } from '../../cosmos/bulk-writer.ts'

interface Answer {
  readonly statusCode: number
  readonly subStatusCode?: number
  readonly eTag?: string
}

const CREATED: Answer = { statusCode: 201, eTag: '"1"' }
const answerAll = (operations: readonly OperationInput[]): readonly Answer[] => operations.map(() => CREATED)

/** A container whose bulk requests are answered as a test says, and what they had. */
function fakeContainer(answer: (operations: readonly OperationInput[], request: number) => readonly Answer[]) {
  const requests: string[][] = []
  const bulk = async (operations: readonly OperationInput[]) => {
    requests.push(operations.map(({ partitionKey }) => String(partitionKey)))
    return answer(operations, requests.length)
  }
  const container = { id: 'order', database: { id: 'ordering' }, items: { bulk } } as unknown as Container
  return { container, requests }
}

const item = (number: number) => ({ id: 'document', pk: `${number}` })

/** Writes items at the same time. @returns each outcome, or the code of its error. */
async function writeAll(writer: BulkWriter, count: number, etag?: string): Promise<readonly unknown[]> {
  const writes = Array.from({ length: count }, (_, number) => writer.write(item(number), etag))
  const ends = await Promise.allSettled(writes)
  return ends.map((end) => (end.status === 'fulfilled' ? end.value.outcome : (end.reason as { code: unknown }).code))
}

/** Lets the pauses of a writer pass at once. */
async function passTime<Result>(t: TestContext, writes: Promise<Result>): Promise<Result> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let isDone = false
  const ended = writes.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await setImmediate()
    t.mock.timers.tick(100)
  }
  return ended
}

describe('writes in bulk', () => {
  it('share requests of at most 100 operations, and each gets its own answer', async () => {
    const { container, requests } = fakeContainer(answerAll)
    assert.deepEqual(await writeAll(new BulkWriter(container), 250), Array(250).fill('written'))
    assert.deepEqual(
      requests.map(({ length }) => length),
      [100, 100, 50],
    )
    assert.equal(new Set(requests.flat()).size, 250)
  })

  it('fail each on its own, as single writes do', async () => {
    const codes = [
      [{ statusCode: 409 }, 'conflict', 'conflict'],
      [{ statusCode: 412 }, 'conflict', 'conflict'],
      // Only an item that is replaced can be gone.
      [{ statusCode: 404 }, 'container-missing', 'conflict'],
      [{ statusCode: 404, subStatusCode: 1003 }, 'container-missing', 'container-missing'],
      [{ statusCode: 404, subStatusCode: 1002 }, 'unavailable', 'unavailable'],
      [{ statusCode: 413 }, 413, 413],
      [{ statusCode: 408 }, 'outcome-unknown', 'outcome-unknown'],
      [{ statusCode: 449 }, 'outcome-unknown', 'outcome-unknown'],
      [{ statusCode: 503 }, 'outcome-unknown', 'outcome-unknown'],
      // An answer without an etag says nothing about the item.
      [{ statusCode: 200 }, 'outcome-unknown', 'outcome-unknown'],
      [CREATED, 'written', 'written'],
    ] as const
    const { container } = fakeContainer(() => codes.map(([answer]) => answer))
    const created = codes.map(([, outcome]) => outcome)
    const replaced = codes.map(([, , outcome]) => outcome)
    assert.deepEqual(await writeAll(new BulkWriter(container), codes.length), created)
    assert.deepEqual(await writeAll(new BulkWriter(container), codes.length, '"0"'), replaced)
  })

  it('remove an item, also one that is gone', async () => {
    const { container } = fakeContainer(() => [
      { statusCode: 204 },
      { statusCode: 404 },
      { statusCode: 404, subStatusCode: 1003 },
      { statusCode: 503 },
    ])
    const writer = new BulkWriter(container)
    const ends = await Promise.allSettled([0, 1, 2, 3].map((number) => writer.remove(item(number))))
    assert.deepEqual(
      ends.map((end) => (end.status === 'fulfilled' ? 'removed' : end.reason.code)),
      ['removed', 'removed', 'container-missing', 'outcome-unknown'],
    )
  })

  it('all have an unknown outcome if their request got no answer, and the next request is sent', async () => {
    const { container } = fakeContainer((operations, request) => {
      if (request === 1) throw new Error('Bulk request errored with: socket hang up', { cause: new Error('reset') })
      return answerAll(operations)
    })
    const writer = new BulkWriter(container)
    assert.deepEqual(await writeAll(writer, 2), ['outcome-unknown', 'outcome-unknown'])
    assert.deepEqual(await writeAll(writer, 1), ['written'])
  })

  it('are sent alone if together they are too large for a request', async () => {
    const created: unknown[] = []
    const bulk = () =>
      Promise.reject(new Error('Bulk request errored', { cause: Object.assign(new Error(), { code: 413 }) }))
    const create = async (body: unknown) => {
      created.push(body)
      return { etag: '"1"' }
    }
    const container = { items: { bulk, create } } as unknown as Container
    assert.deepEqual(await writeAll(new BulkWriter(container), 2), ['written', 'written'])
    assert.deepEqual(created, [item(0), item(1)])
  })

  it('are sent again if the service was too busy for them, or for their part of the answer', async (t) => {
    const { container, requests } = fakeContainer((operations, request) =>
      request === 1 ? [{ statusCode: 429 }, CREATED, { statusCode: 413, subStatusCode: 3402 }] : answerAll(operations),
    )
    const outcomes = await passTime(t, writeAll(new BulkWriter(container), 3))
    assert.deepEqual(outcomes, ['written', 'written', 'written'])
    assert.deepEqual(requests, [
      ['0', '1', '2'],
      ['0', '2'],
    ])
  })

  it('all succeed in a service that is always busy, with smaller requests', async (t) => {
    const perRequest = 5
    const { container, requests } = fakeContainer((operations) =>
      operations.map((_, index) => (index < perRequest ? CREATED : { statusCode: 429 })),
    )
    assert.deepEqual(await passTime(t, writeAll(new BulkWriter(container), 400)), Array(400).fill('written'))
    const sizes = requests.map(({ length }) => length)
    assert.ok(Math.max(...sizes.slice(20)) <= 3 * perRequest, `${sizes}`)
  })

  it('fail if the service stays too busy', async (t) => {
    const { container, requests } = fakeContainer(() => [{ statusCode: 429 }])
    assert.deepEqual(await passTime(t, writeAll(new BulkWriter(container), 1)), ['unavailable'])
    assert.equal(requests.length, 10)
  })

  it('of a budget take a quarter of a second’s request units in one request, and at least one write', async () => {
    for (const [units, sizes] of [
      [400, [10, 10, 5]],
      [10, Array(25).fill(1)],
    ] as const) {
      const { container, requests } = fakeContainer(answerAll)
      await writeAll(new BulkWriter(container, units), 25)
      assert.deepEqual(
        requests.map(({ length }) => length),
        sizes,
      )
    }
  })
})
