import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkedEnd, DecodeError, eachMapEntry, sectionValue, textAt, valueEnd } from '../amqp/encoding.ts'

const parseHex = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex')

/** Each value is refused for only one reason: similar valid values below are accepted. */
const REFUSED: readonly (readonly [what: string, hex: string, reason: RegExp])[] = [
  ['nothing', '', /cut off/],
  ['an unknown type code', '10', /unknown type code 0x10/],
  ['a fixed value without its bytes', '70 0000', /ends beyond/],
  ['a string longer than its bytes', 'a1 05 61', /ends beyond/],
  ['a string without its size', 'b1 0000', /cut off/],
  ['a described descriptor', '00 00 5301 40 40', /a descriptor is described/],
  ['a value that is described twice', '00 5301 00 5302 40', /described twice/],
  ['a list without its count', 'c0 00', /list, map or array is cut off/],
  ['a wide list without its count', 'd0 00000003 000000', /list, map or array is cut off/],
  ['more items than bytes', 'c0 02 02 40', /2 items in 1 bytes/],
  ['an array of items without bytes', 'f0 00000005 00000003 40', /3 items in 1 bytes/],
  ['a map with an odd number of items', 'c1 04 03 40 40 40', /a key without a value/],
  ['a list that is longer than its items', 'c0 03 01 40 40', /longer than its items/],
  ['a map that is longer than its items', 'c1 04 02 40 40 40', /longer than its items/],
  ['an item that ends beyond its list', 'c0 03 01 a1 02 61 61', /ends beyond/],
  ['a broken list in a list', 'c0 05 01 c0 02 02 40', /2 items in 1 bytes/],
  ['a broken value after a descriptor', '00 5301 c0 02 02 40', /2 items in 1 bytes/],
  ['a broken list as descriptor', '00 c0 02 02 40 40', /2 items in 1 bytes/],
  ['an array whose descriptor is described', 'e0 06 01 00 00 5301 40', /a descriptor is described/],
  ['an array item that ends beyond its array', 'e0 04 01 a1 05 61', /an array item ends beyond/],
  ['an array that is longer than its items', 'e0 04 01 50 01 02', /an array is longer/],
  ['a broken list as array item', 'e0 05 01 c0 02 02 40', /2 items in 1 bytes/],
]

for (const [what, hex, reason] of REFUSED)
  test(`refuses ${what} (AMQP 1.0 part 1, 1.6)`, () => {
    const bytes = parseHex(hex)
    assert.throws(
      () => checkedEnd(bytes, 0, bytes.length),
      (error: Error) => error instanceof DecodeError && reason.test(error.message),
    )
  })

for (const [what, hex] of [
  ['null', '40'],
  ['a described value', '00 5301 70 00000001'],
  ['a list of nothing', 'c0 01 00'],
  ['a list of two', 'c0 03 02 40 40'],
  ['a wide list of a string', 'd0 00000007 00000001 a1 01 61'],
  ['a map of one', 'c1 03 02 40 40'],
  ['an array of two bytes', 'e0 04 02 50 01 02'],
  ['an array of lists', 'e0 05 01 c0 02 01 40'],
  ['an array of described strings', 'e0 07 01 00 5301 a1 01 61'],
  ['an array of no items', 'f0 00000005 00000000 40'],
] as const)
  test(`accepts ${what}, to its last byte and no further (AMQP 1.0 part 1, 1.6)`, () => {
    const bytes = parseHex(`41 ${hex} 41`)
    assert.equal(checkedEnd(bytes, 1, bytes.length - 1), bytes.length - 1)
    assert.equal(valueEnd(bytes, 1, bytes.length - 1), bytes.length - 1)
    assert.throws(() => checkedEnd(bytes, 1, bytes.length - 2), DecodeError)
    assert.throws(() => valueEnd(bytes, 1, bytes.length - 2), DecodeError)
  })

test('valueEnd refuses described descriptors and values that are described twice', () => {
  for (const hex of ['00 00 5301 40 40', '00 5301 00 5302 40'])
    assert.throws(() => valueEnd(parseHex(hex), 0, parseHex(hex).length), /described/)
})

for (const [what, wrap] of [
  ['lists', (value: Buffer) => compound(0xd0, 1, value)],
  ['maps', (value: Buffer) => compound(0xd1, 2, Buffer.concat([Buffer.from([0x40]), value]))],
  ['arrays', (value: Buffer) => compound(0xf0, 1, value)],
  [
    'descriptors',
    (value: Buffer) => Buffer.concat([Buffer.from([0x00]), compound(0xd0, 1, value), Buffer.from([0x40])]),
  ],
] as const)
  test(`accepts 64 levels of ${what}, and no more`, () => {
    // With descriptors each step adds two levels, because a list as descriptor is a level, too.
    const levels = what === 'descriptors' ? 32 : 64
    let value: Buffer = Buffer.from([0x45])
    for (let level = 0; level < levels; level++) value = wrap(value)
    assert.equal(checkedEnd(value, 0, value.length), value.length)
    value = wrap(value)
    assert.throws(() => checkedEnd(value, 0, value.length), /nested more than 64 deep/)
  })

test('a message section starts with its descriptor, small or wide (AMQP 1.0 part 3, 3.2)', () => {
  assert.equal(sectionValue(parseHex('00 53 75 a0 00'), 0), 3)
  assert.equal(sectionValue(parseHex('00 80 0000000000000075 a0 00'), 0), 10)
  for (const hex of ['40 53 75 a0 00', '00 a3 75 a0 00', '00 80 0000000100000075 a0', '00 80 0000000000000175 a0'])
    assert.throws(() => sectionValue(parseHex(hex), 0), DecodeError, hex)
})

test('accepts annotations in a small or a wide map, and refuses any other type', () => {
  for (const map of ['c1 07 02 a1 01 61 a1 01 62', 'd1 0000000a 00000002 a1 01 61 a1 01 62']) {
    const bytes = parseHex(map)
    const entries: unknown[] = []
    eachMapEntry(bytes, 0, (key, value, end) => entries.push([textAt(bytes, key), textAt(bytes, value), end]))
    assert.deepEqual(entries, [['a', 'b', bytes.length]])
  }
  for (const other of ['c0 03 02 40 40', 'a1 01 61', '40'])
    assert.throws(() => eachMapEntry(parseHex(other), 0, () => {}), /annotations are not a map/)
})

function compound(code: number, count: number, content: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head[0] = code
  head.writeUInt32BE(content.length + 4, 1)
  head.writeUInt32BE(count, 5)
  return Buffer.concat([head, content])
}
