import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { listCodeBlocks } from '../../../test-support/documented-code.ts'
import {
  decodeSegment,
  EMPTY_ARCHIVE,
  encodeSegment,
  hashText,
  merkleRoot,
  parseSegmentName,
  SegmentBuilder,
  segmentName,
} from '../../core/archive.ts'

const leaf = (text: string): Buffer => hash('sha256', Buffer.concat([Buffer.of(0), Buffer.from(text)]), 'buffer')
const node = (left: Buffer, right: Buffer): Buffer =>
  hash('sha256', Buffer.concat([Buffer.of(1), left, right]), 'buffer')

/** RFC 6962 section 2.1, as it is written there: recursive, split at the largest power of two below the size. */
function definedRoot(leaves: readonly string[]): Buffer {
  const [first] = leaves
  if (first === undefined) return hash('sha256', '', 'buffer')
  if (leaves.length === 1) return leaf(first)
  let half = 1
  while (half * 2 < leaves.length) half *= 2
  return node(definedRoot(leaves.slice(0, half)), definedRoot(leaves.slice(half)))
}

const content = (...items: readonly string[]) => ({
  lines: items.map((item) => Buffer.from(item)),
  continuation: 'c1',
  newest: '2026-01-01T00:00:00.000Z',
})
const rewrite = (bytes: Uint8Array, change: (lines: string[]) => readonly string[]): Uint8Array =>
  gzipSync(change(gunzipSync(bytes).toString().split('\n')).join('\n'))

describe('a Merkle root', () => {
  it('is that of RFC 6962 for every number of leaves', () => {
    const leaves = fc.array(fc.string(), { maxLength: 40 })
    fc.assert(
      fc.property(leaves, (texts) => {
        assert.equal(merkleRoot(texts.map(hashText)), definedRoot(texts).toString('hex'))
      }),
    )
  })

  it('of no leaf is the hash of nothing', () => {
    assert.equal(merkleRoot([]), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })
})

describe('a segment', () => {
  const items = ['{"id":"1"}', '{"text":"grüße \\u2028"}', '{"id":"3"}']

  it('is read as it was written', async () => {
    const { header, bytes } = await encodeSegment('ordering', EMPTY_ARCHIVE, content(...items))
    assert.deepEqual([header.number, header.count, header.previous], [1, 3, '0'.repeat(64)])
    const read = await decodeSegment('ordering', 1, bytes)
    assert.deepEqual(read.header, header)
    assert.deepEqual(
      read.lines.map((line) => line.toString()),
      items,
    )
  })

  it('is the same when it is built in pieces, of any number of gzip members', async () => {
    const place = { continuation: 'c1', newest: '2026-01-01T00:00:00.000Z' }
    const many = Array.from({ length: 30 }, (_, id) => JSON.stringify({ id, text: 'ü'.repeat(100_000) }))
    const whole = new SegmentBuilder()
    await whole.add(many)
    const pieces = new SegmentBuilder()
    for (const each of many) await pieces.add([each])
    assert.deepEqual(
      [pieces.count, pieces.bytes],
      [30, many.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0)],
    )
    const [one, other] = [await whole.seal('a', EMPTY_ARCHIVE, place), await pieces.seal('a', EMPTY_ARCHIVE, place)]
    assert.deepEqual(other.header, one.header)
    assert.deepEqual(gunzipSync(other.bytes), gunzipSync(one.bytes))
    assert.deepEqual((await decodeSegment('a', 1, other.bytes)).lines.map(String), many)
  })

  for (const [what, change] of [
    ['an item was changed', ([head = '', a = '', ...rest]) => [head, a.replace('1', '2'), ...rest]],
    ['an item was removed', ([head = '', , ...rest]) => [head, ...rest]],
    ['an item was added', ([head = '', ...rest]) => [head, '{"id":"0"}', ...rest]],
    ['two items were swapped', ([head = '', a = '', b = '', ...rest]) => [head, b, a, ...rest]],
    ['its count was changed', ([head = '', ...rest]) => [head.replace('"count":3', '"count":4'), ...rest]],
    ['its continuation was changed', ([head = '', ...rest]) => [head.replace('c1', 'c2'), ...rest]],
    ['a field was added', ([head = '', ...rest]) => [head.replace('{', '{"note":1,'), ...rest]],
  ] as readonly (readonly [string, (lines: string[]) => readonly string[]])[])
    it(`is refused if ${what}`, async () => {
      const { bytes } = await encodeSegment('ordering', EMPTY_ARCHIVE, content(...items))
      await assert.rejects(decodeSegment('ordering', 1, rewrite(bytes, change)), {
        code: 'archive-changed',
        message: /^segment 1 of the archive of ordering was changed/,
      })
    })

  it('is refused under another number or service', async () => {
    const { bytes } = await encodeSegment('ordering', EMPTY_ARCHIVE, content(...items))
    await assert.rejects(decodeSegment('ordering', 2, bytes), { code: 'archive-changed', message: /it is segment 1/ })
    await assert.rejects(decodeSegment('payments', 1, bytes), { code: 'archive-changed', message: /of ordering/ })
  })

  for (const [what, make] of [
    ['is empty', () => new Uint8Array()],
    ['is cut off', (bytes: Uint8Array) => bytes.subarray(0, -9)],
    ['has no header', () => gzipSync('{"id":"1"}\n')],
    ['is no JSON', () => gzipSync('hello\n')],
    ['is of a later format', (bytes: Uint8Array) => rewrite(bytes, ([head = '']) => [head.replace(':1,', ':2,')])],
    ['unpacks to more than it may', () => gzipSync(Buffer.alloc(65 * 2 ** 20))],
  ] as const)
    it(`is refused if it ${what}`, async () => {
      const { bytes } = await encodeSegment('ordering', EMPTY_ARCHIVE, content(...items))
      await assert.rejects(decodeSegment('ordering', 1, make(bytes)), {
        code: 'archive-unreadable',
        message: /^segment 1 of the archive of ordering /,
      })
    })

  it('of docs/archive.md has the roots that it shows', async () => {
    const document = readFileSync(new URL('../../../../docs/archive.md', import.meta.url), 'utf8')
    const { text } = listCodeBlocks(document).find(({ info }) => info === 'ndjson') ?? assert.fail()
    assert.equal((await decodeSegment('ordering', 1, gzipSync(text))).lines.length, 2)
  })

  it('has a name that sorts like its number', () => {
    const numbers = [1, 9, 10, 99, 100_000, 999_999_999_999]
    assert.deepEqual(numbers.map(segmentName).toSorted().map(parseSegmentName), numbers)
    for (const other of ['segments/1.ndjson.gz', 'segments/000000000001.ndjson', '000000000001.ndjson.gz'])
      assert.equal(parseSegmentName(other), undefined)
  })
})
