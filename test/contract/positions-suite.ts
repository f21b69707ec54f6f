import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ViewStore } from '../../src/core/ports.ts'

type Positions = Pick<ViewStore, 'readPosition' | 'writePosition'>

const tip = (version: number) => ({ version, hash: String(version).padStart(64, '0') })

/** What all positions must do. @param create those of another consumer with every call, in the same place. */
export function positionsSuite(name: string, create: () => Promise<Positions>): void {
  describe(`positions: ${name}`, () => {
    it('a position that another instance made or moved is not overwritten', async () => {
      const positions = await create()
      assert.equal((await positions.writePosition('order-1', tip(1), undefined)).outcome, 'written')
      assert.equal((await positions.writePosition('order-1', tip(9), undefined)).outcome, 'conflict')
      const before = await positions.readPosition('order-1')
      assert.equal((await positions.writePosition('order-1', tip(2), before?.etag)).outcome, 'written')
      assert.equal((await positions.writePosition('order-1', tip(9), before?.etag)).outcome, 'conflict')
      assert.deepEqual((await positions.readPosition('order-1'))?.tip, tip(2))
    })

    it('what a write answers with allows the next one', async () => {
      const positions = await create()
      const first = await positions.writePosition('order-1', tip(1), undefined)
      assert.ok(first.outcome === 'written')
      assert.equal((await positions.writePosition('order-1', tip(2), first.etag)).outcome, 'written')
    })

    it('one that is gone is not moved, and none is undefined', async () => {
      const positions = await create()
      assert.equal(await positions.readPosition('order-1'), undefined)
      assert.equal((await positions.writePosition('order-1', tip(2), '"gone"')).outcome, 'conflict')
      assert.equal(await positions.readPosition('order-1'), undefined)
    })

    it('each consumer has its own', async () => {
      const [one, other] = [await create(), await create()]
      await one.writePosition('order-1', tip(1), undefined)
      assert.equal(await other.readPosition('order-1'), undefined)
    })
  })
}
