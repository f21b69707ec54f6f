import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Snapshots } from '../../core/ports.ts'
import type { Snapshot } from '../../core/snapshot.ts'

/** Snapshots, and a way to store items that the port would not write. */
export interface SnapshotsUnderTest {
  readonly snapshots: Snapshots
  put(item: { readonly id: string; readonly stream: string; readonly [field: string]: unknown }): Promise<void>
}

const snapshot = (version: number, state: unknown = { count: version }): Snapshot => ({
  state: JSON.stringify(state),
  head: { version, hash: String(version).padStart(64, '0'), commit: version },
})

/** The contract of every snapshot store. @param create an empty store with each call. */
export function snapshotsSuite(name: string, create: () => Promise<SnapshotsUnderTest>): void {
  describe(`snapshots: ${name}`, () => {
    it('are undefined for another stream, and for another id', async () => {
      const { snapshots } = await create()
      await snapshots.write('wallet-1', '1-a', snapshot(7))
      assert.equal(await snapshots.read('wallet-2', '1-a'), undefined)
      assert.equal(await snapshots.read('wallet-1', '2-a'), undefined)
    })

    for (const [what, fields] of [
      ['has nothing', {}],
      ['has no head', { state: '{}' }],
      ['has the head of an empty stream', { ...snapshot(1), head: { version: 0, hash: '0'.repeat(64), commit: 0 } }],
      ['has a state that is no text', { ...snapshot(1), state: { count: 1 } }],
    ] as const)
      it(`an item that ${what} counts as no snapshot, and is overwritten`, async () => {
        const { snapshots, put } = await create()
        await put({ id: '1-a', stream: 'wallet-1', ...fields })
        assert.equal(await snapshots.read('wallet-1', '1-a'), undefined)
        await snapshots.write('wallet-1', '1-a', snapshot(7))
        assert.deepEqual(await snapshots.read('wallet-1', '1-a'), snapshot(7))
      })

    it('hold the last write of each state version, whatever the stream version', async () => {
      const { snapshots } = await create()
      await snapshots.write('wallet-1', '1-a', snapshot(5))
      await snapshots.write('wallet-1', '2-b', snapshot(9))
      await Promise.all([7, 6].map((version) => snapshots.write('wallet-1', '2-b', snapshot(version))))
      assert.deepEqual(await snapshots.read('wallet-1', '1-a'), snapshot(5))
      assert.ok([6, 7].includes((await snapshots.read('wallet-1', '2-b'))?.head.version ?? 0))
    })

    it('return a state unchanged, also one of nearly a million bytes', async () => {
      const { snapshots } = await create()
      for (const state of [
        '2026-01-01T00:00:00.0000000Z',
        { ['__proto__']: 1e-7, é: '\ud800"\\\u2028' },
        'x'.repeat(990_000),
      ]) {
        await snapshots.write('wallet-1', '1-a', snapshot(1, state))
        assert.deepEqual(await snapshots.read('wallet-1', '1-a'), snapshot(1, state))
      }
    })
  })
}
