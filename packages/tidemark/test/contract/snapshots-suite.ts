import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Snapshots } from '../../core/ports.ts'
import type { Snapshot } from '../../core/snapshot.ts'

/** Snapshots, and a way past the port: what others may have left there. */
export interface SnapshotsUnderTest {
  readonly snapshots: Snapshots
  put(item: { readonly id: string; readonly stream: string; readonly [field: string]: unknown }): Promise<void>
}

const snapshot = (version: number, state: unknown = { count: version }): Snapshot => ({
  state: JSON.stringify(state),
  head: { version, hash: String(version).padStart(64, '0'), commit: version },
})

/** What all snapshots must do. @param create none with every call. */
export function snapshotsSuite(name: string, create: () => Promise<SnapshotsUnderTest>): void {
  describe(`snapshots: ${name}`, () => {
    it('none is undefined: of another stream, and of another id', async () => {
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
      it(`an item that ${what} is none, and is written over`, async () => {
        const { snapshots, put } = await create()
        await put({ id: '1-a', stream: 'wallet-1', ...fields })
        assert.equal(await snapshots.read('wallet-1', '1-a'), undefined)
        await snapshots.write('wallet-1', '1-a', snapshot(7))
        assert.deepEqual(await snapshots.read('wallet-1', '1-a'), snapshot(7))
      })

    it('the last write stays, whatever version it has, and the other state versions with it', async () => {
      const { snapshots } = await create()
      await snapshots.write('wallet-1', '1-a', snapshot(5))
      await snapshots.write('wallet-1', '2-b', snapshot(9))
      await Promise.all([7, 6].map((version) => snapshots.write('wallet-1', '2-b', snapshot(version))))
      assert.deepEqual(await snapshots.read('wallet-1', '1-a'), snapshot(5))
      assert.ok([6, 7].includes((await snapshots.read('wallet-1', '2-b'))?.head.version ?? 0))
    })

    it('a state comes back to the letter, of nearly a million bytes too', async () => {
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
