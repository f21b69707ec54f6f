import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Archive } from '../../core/ports.ts'

async function list(archive: Archive, after = 0): Promise<readonly (readonly [number, number])[]> {
  const found: [number, number][] = []
  for await (const { number, bytes } of archive.list(after)) found.push([number, bytes])
  return found
}

/** The contract of every archive. @param create an empty archive with each call. */
export function archiveSuite(name: string, create: () => Promise<Archive>): void {
  describe(`archive: ${name}`, () => {
    it('has no segment at first', async () => {
      const archive = await create()
      assert.deepEqual([await archive.has(1), await archive.read(1), await list(archive)], [false, undefined, []])
    })

    it('keeps the first segment of a number, and says that it exists', async () => {
      const archive = await create()
      const [first, second] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)]
      assert.equal(await archive.create(7, first), 'created')
      assert.equal(await archive.create(7, second), 'exists')
      assert.equal(await archive.create(7, first), 'exists')
      assert.deepEqual(Uint8Array.from((await archive.read(7)) ?? []), first)
      assert.deepEqual([await archive.has(7), await archive.has(6)], [true, false])
    })

    it('creates a segment once when several writers try at the same time', async () => {
      const archive = await create()
      const tries = [1, 2, 3, 4].map((byte) => archive.create(1, Uint8Array.of(byte)))
      const outcomes = await Promise.all(tries)
      assert.deepEqual(outcomes.toSorted(), ['created', 'exists', 'exists', 'exists'])
      assert.deepEqual([...((await archive.read(1)) ?? [])], [outcomes.indexOf('created') + 1])
    })

    it('lists segments by number, with their sizes, from any of them on', async () => {
      const archive = await create()
      for (const number of [10, 2, 100, 1]) await archive.create(number, new Uint8Array(number))
      assert.deepEqual(await list(archive), [
        [1, 1],
        [2, 2],
        [10, 10],
        [100, 100],
      ])
      assert.deepEqual(await list(archive, 10), [[100, 100]])
    })
  })
}
