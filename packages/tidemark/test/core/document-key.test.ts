import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatPlace, keyFault, MAX_KEY_BYTES } from '../../core/document-key.ts'
import { project } from '../../testing/project.ts'
import { labelView, shelves } from '../domain/shelves.ts'
import { documentKey, hardKeys, refusedKeys } from '../support/document-keys.ts'

/**
 * The key as a function receives it. The client resolves dot segments, and the Functions host decodes
 * everything but slashes once.
 */
function carried(key: string): string | undefined {
  const { pathname } = new URL(`http://localhost/labels/${encodeURIComponent(key)}`)
  const [, labels, segment, ...more] = pathname.split('/')
  if (labels !== 'labels' || more.length > 0 || !segment) return undefined
  return segment.split(/%2f/i).map(decodeURIComponent).join('%2F')
}

describe('the key of a document', () => {
  it('is refused before anything is written if no URL can hold it, with the reason', async () => {
    for (const key of refusedKeys) {
      assert.ok(keyFault(key), JSON.stringify(key))
      // No event can hold half a surrogate pair either.
      if (!key.isWellFormed()) continue
      const written = project(shelves, labelView).given([{ type: 'Labelled', data: { labels: [key] } }])
      await assert.rejects(
        written.thenNone(key),
        ({ cause }: Error & { cause: { code?: string } }) => cause.code === 'key-invalid',
      )
    }
    assert.match(keyFault('x'.repeat(MAX_KEY_BYTES + 1)) ?? '', /1024 bytes/)
  })

  it('is shortened in its refusal', async () => {
    const written = project(shelves, labelView).given([{ type: 'Labelled', data: { labels: ['/'.repeat(5000)] } }])
    await assert.rejects(written.thenNone(''), ({ message }: Error) => message.length < 400)
  })

  it('comes out of a path unchanged if it is accepted', () => {
    for (const key of hardKeys) assert.equal(carried(key), key)
    fc.assert(
      fc.property(documentKey, (key) => carried(key) === key),
      { numRuns: 2000 },
    )
  })

  it('is refused if it does not come out of a path unchanged', () => {
    const any = fc.string({ unit: fc.constantFrom('.', '/', '%', '2', 'F', 'f', 'a', '\\', '\n'), maxLength: 6 })
    fc.assert(
      fc.property(any, (key) => carried(key) === key || keyFault(key) !== undefined),
      { numRuns: 5000 },
    )
  })
})

describe('the place of a document', () => {
  const text = fc.string({ unit: 'binary', maxLength: 5 })

  it('is unique', () =>
    fc.assert(
      fc.property(text, documentKey, text, documentKey, (sort, key, other, otherKey) => {
        assert.equal(
          formatPlace(sort, key) === formatPlace(other, otherKey),
          sort.toWellFormed() === other.toWellFormed() && key === otherKey,
        )
      }),
    ))

  it('is ordered by the sort key first, and then by the key', () => {
    const plain = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '|'), maxLength: 4 })
    fc.assert(
      fc.property(plain, documentKey, plain, documentKey, (sort, key, other, otherKey) => {
        const before = sort < other || (sort === other && key < otherKey)
        assert.equal(formatPlace(sort, key) < formatPlace(other, otherKey), before)
      }),
    )
  })
})
