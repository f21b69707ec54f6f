import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import { formatKeyId, subjectId } from '../../core/personal.ts'
import type { KeyItems } from '../../core/ports.ts'
import { memoryKeys } from '../../memory/keys.ts'
import { StoredKeys } from '../../runtime/stored-keys.ts'

const why = { time: '2026-01-01T00:00:00.000Z', actor: 'ada', reason: 'she asked for it' }

/** The contract of every store of keys. @param create an empty store with each call. */
export function keysSuite(name: string, create: () => Promise<KeyItems>): void {
  const open = (items: KeyItems): StoredKeys => new StoredKeys(memoryKeys(items), () => randomBytes(32))

  describe(`keys of subjects: ${name}`, () => {
    it('refuse to replace an item that was written meanwhile, or to create one that exists', async () => {
      const items = await create()
      const written = await items.write({ id: 'a', generation: 1, wrapped: 'x' }, undefined)
      assert.equal(written.outcome, 'written')
      assert.deepEqual(await items.write({ id: 'a', generation: 1, wrapped: 'y' }, undefined), { outcome: 'conflict' })
      const etag = written.outcome === 'written' ? written.etag : ''
      assert.equal((await items.write({ id: 'a', generation: 1, forgotten: why }, etag)).outcome, 'written')
      assert.deepEqual(await items.write({ id: 'a', generation: 1, wrapped: 'x' }, etag), { outcome: 'conflict' })
      assert.deepEqual((await items.read('a'))?.item, { id: 'a', generation: 1, forgotten: why })
    })

    it('that the store never had, or has lost, are unreadable and never count as forgotten', async () => {
      const keys = open(await create())
      const { id } = await keys.findOrCreate('anna')
      await assert.rejects(keys.find(formatKeyId(subjectId('anna'), 2)), { code: 'personal-unreadable' })
      await assert.rejects(keys.find(formatKeyId(subjectId('bert'), 1)), { code: 'personal-unreadable' })
      await assert.rejects(keys.find('no key'), { code: 'personal-unreadable' })
      assert.ok(await keys.find(id))
    })

    it('are one for each subject, also if two processes create it at once', async () => {
      const items = await create()
      const found = await Promise.all(Array.from({ length: 8 }, () => open(items).findOrCreate('anna')))
      const [first] = found
      assert.ok(first)
      for (const each of found) assert.deepEqual(Buffer.from(each.bytes), Buffer.from(first.bytes))
      const other = await open(items).findOrCreate('bert')
      assert.notDeepEqual(Buffer.from(other.bytes), Buffer.from(first.bytes))
      assert.deepEqual(Buffer.from((await open(items).find(first.id)) ?? []), Buffer.from(first.bytes))
    })

    it('are gone once destroyed; the first reason stands; and the next generation is another key', async () => {
      const items = await create()
      const keys = open(items)
      assert.equal(await keys.destroy('anna', why), undefined)
      assert.equal(await keys.look('anna'), undefined)
      const first = await keys.findOrCreate('anna')
      assert.deepEqual(await keys.destroy('anna', why), { keyId: first.id, forgotten: why })
      const repeated = await keys.destroy('anna', { ...why, reason: 'again' })
      assert.deepEqual(repeated, { keyId: first.id, forgotten: why })
      assert.equal(await keys.find(first.id), undefined)
      assert.equal((await items.read(subjectId('anna')))?.item.wrapped, undefined)

      const refuse = (keyId: string): never => assert.fail(keyId)
      await assert.rejects(keys.findOrCreate('anna', refuse), { message: first.id })
      assert.equal((await items.read(subjectId('anna')))?.item.generation, 1)
      const second = await keys.findOrCreate('anna')
      assert.notEqual(second.id, first.id)
      assert.notDeepEqual(Buffer.from(second.bytes), Buffer.from(first.bytes))
      assert.equal(await keys.find(first.id), undefined)
      assert.ok(await keys.find(second.id))
      assert.deepEqual(await keys.look('anna'), { keyId: second.id })
    })

    it('are created and destroyed once, also if the answer to the write is lost', async () => {
      const items = await create()
      let lost = 2
      const unanswered: KeyItems = {
        read: (id) => items.read(id),
        async write(item, etag) {
          const result = await items.write(item, etag)
          if (lost-- > 0) throw new TidemarkError('outcome-unknown', 'the connection was reset')
          return result
        },
      }
      const { id } = await open(unanswered).findOrCreate('anna')
      assert.equal(id, formatKeyId(subjectId('anna'), 1))
      assert.deepEqual(await open(unanswered).destroy('anna', why), { keyId: id, forgotten: why })
      assert.ok(lost <= 0)
    })
  })
}
