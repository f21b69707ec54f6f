import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { eventType } from '../../core/event.ts'
import {
  hasSealed,
  listPersonalFields,
  listSealed,
  openText,
  type PersonalKey,
  personal,
  restoreTexts,
  SEALED,
  sealText,
} from '../../core/personal.ts'

const key: PersonalKey = { id: `${'a1'.repeat(16)}.1`, bytes: new Uint8Array(32).fill(7) }
const other: PersonalKey = { id: `${'a1'.repeat(16)}.2`, bytes: new Uint8Array(32).fill(8) }
const parts = { service: 'library', forgotten: 'forgotten' }
const name = personal(z.string().max(40), { forgotten: 'forgotten' })
const readNonce = (sealed: string): string =>
  Buffer.from(sealed.split(':')[4] ?? '', 'base64url')
    .subarray(0, 12)
    .toString('hex')

describe('a personal field', () => {
  it('is refused where nobody would find it, when its type is declared', () => {
    const recursive = z.object({
      get a() {
        return z.array(z.object({ name, more: z.array(recursive) }))
      },
    })
    for (const schema of [
      z.object({ a: z.union([name, z.literal(1)]) }),
      z.object({ a: z.record(z.string(), name) }),
      z.object({ a: z.tuple([name]) }),
      z.object({ a: z.discriminatedUnion('kind', [z.object({ kind: z.literal('x'), name })]) }),
      recursive,
    ])
      assert.throws(() => eventType('Joined', schema as never), { name: 'RangeError', message: /cannot be found: \/a/ })
  })

  it('is refused if the text for a forgotten one does not fit its schema', () => {
    assert.throws(() => personal(z.string().max(3), { forgotten: 'forgotten' }), RangeError)
    assert.throws(() => personal(z.string().trim(), { forgotten: ' ' }), RangeError)
  })

  it('is found in objects and arrays, optional or not, and after further checks', () => {
    const tree = z.object({
      get branches() {
        return z.array(tree)
      },
    })
    const schema = z.object({
      tree,
      name: name.min(1),
      maybe: name.optional(),
      lines: z.array(z.object({ text: name.exactOptional(), kind: z.string() })),
      kind: z.string(),
    })
    assert.deepEqual(
      listPersonalFields(schema).map(({ path }) => path.join('/')),
      ['name', 'maybe', 'lines/*/text'],
    )
  })

  it('shows in its JSON Schema, so that the gate compares it', () => {
    assert.partialDeepStrictEqual(z.toJSONSchema(z.object({ name })), {
      properties: { name: { 'x-personal': true, 'x-forgotten': 'forgotten' } },
    })
  })
})

describe('a sealed text', () => {
  it('that was changed is unreadable, not forgotten', () => {
    const sealed = sealText('Anna', 'member-1@1 data/name', key, parts)
    const [from, to] = [SEALED.length, sealed.length - 1]
    let changed = 0
    for (let at = from; at < to; at += 1) {
      const broken = sealed.slice(0, at) + (sealed[at] === 'a' ? 'b' : 'a') + sealed.slice(at + 1)
      // A text that is no sealed text any more stays as it is.
      if (listSealed(broken).length === 0) continue
      changed += 1
      assert.throws(() => openText(broken, () => key.bytes), { code: 'personal-unreadable' }, broken)
    }
    assert.ok(changed > 60, `${changed} changes`)
    assert.throws(() => openText(sealed, () => other.bytes), { code: 'personal-unreadable' })
  })

  it('without its key becomes the text for a forgotten field', () => {
    const sealed = sealText('Anna', 'member-1@1 data/name', key, parts)
    assert.equal(
      openText(`Dear ${sealed}!`, () => undefined),
      'Dear forgotten!',
    )
  })

  it('opens to the same text, wherever it stands, and contains nothing of it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.string(), (text, place) => {
        const sealed = sealText(text, place, key, parts)
        assert.match(sealed, /^[\x21-\x7e]+$/)
        assert.equal(
          openText(`<${sealed}${sealed}>`, () => key.bytes),
          `<${text}${text}>`,
        )
        assert.ok(hasSealed([{ a: sealed }]))
      }),
      { numRuns: 100 },
    )
  })

  it('is the same for the same text, place and key, and otherwise has another nonce', () => {
    const texts = ['', 'Anna', 'Anne', 'anna']
    const places = ['member-1@1 data/name', 'member-1@2 data/name', 'member-1@1 data/other']
    const nonces = new Map<string, string>()
    for (const text of texts)
      for (const place of places)
        for (const each of [key, other]) {
          const sealed = sealText(text, place, each, parts)
          assert.equal(sealText(text, place, each, parts), sealed)
          const nonce = readNonce(sealed)
          assert.equal(nonces.get(nonce), undefined, `${text} at ${place}`)
          nonces.set(nonce, sealed)
        }
    assert.equal(nonces.size, texts.length * places.length * 2)
  })

  it('comes back after a schema has checked the text in its place', () => {
    const sealed = sealText('Anna', 'member-1@1 data/name', key, parts)
    const value = { name: 'forgotten', lines: [{ text: 'forgotten', kind: 'k' }] }
    assert.deepEqual(restoreTexts(value, { name: sealed, dropped: 1, lines: [{ text: sealed, kind: 'k' }] }), {
      name: sealed,
      lines: [{ text: sealed, kind: 'k' }],
    })
  })
})
