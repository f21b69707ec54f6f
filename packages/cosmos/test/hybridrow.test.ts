import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { Failure } from '../api/failure.ts'
import { type BatchOperation, decodeBatch } from '../hybridrow/batch-operations.ts'
import { type BatchResult, encodeBatch } from '../hybridrow/batch-results.ts'
import { isHybridRow } from '../hybridrow/records.ts'

// What Microsoft.Azure.Cosmos 3.64.0 sent for CreateTransactionalBatch(new PartitionKey("p")) with:
// CreateItem; ReadItem; UpsertItem with EnableContentResponseOnWrite = false; ReplaceItem with IfMatchEtag =
// "\"e\"" and IndexingDirective.Include; PatchItem with a FilterPredicate; DeleteItem with IfNoneMatchEtag =
// "*".
const BATCH = hex(`
  81f0d8ff7f010a000000
  81f1d8ff7f220000001726a3b7 817054e17f430000000002000000137b226964223a2231222c22706b223a2270227d
  81f1d8ff7f10000000d473e835 817054e17f1302000000020000000131
  81f1d8ff7f24000000262ec249 817054e17f431400000002000000137b226964223a2232222c22706b223a2270227d030c
  81f1d8ff7f3a000000e5f54cf6 817054e17f5305000000020000000131197b226964223a2231222c22706b223a2270222c226e223a317d
    140807496e636c75646514090322652281f1d8ff7f670000007fad0dea
    817054e17f5301000000020000000131567b22636f6e646974696f6e223a2246524f4d206320574845524520632e6e203d2031222c
    226f7065726174696f6e73
    223a5b7b226f70223a22736574222c2270617468223a222f6e222c2276616c7565223a327d5d7d
  81f1d8ff7f14000000f316ffb1 817054e17f1304000000020000000132140a012a`)

// What it sent with AllowBulkExecution for CreateItemAsync(…, new PartitionKey("x")) and UpsertItemAsync(…,
// new PartitionKey(5)).
const BULK = hex(`
  81f0d8ff7f010a000000
  81f1d8ff7f29000000689eb74f 817054e17f470000000002000000055b2278225d147b226964223a226231222c22706b223a2278227d
  81f1d8ff7f270000009dfaca1c 817054e17f471400000002000000055b352e305d127b226964223a226232222c22706b223a357d`)

test('reads the transactional batch that the .NET SDK sends', () => {
  assert.ok(isHybridRow(BATCH))
  assert.deepEqual(decodeBatch(BATCH).map(readable), [
    { type: 'Create', body: '{"id":"1","pk":"p"}' },
    { type: 'Read', id: '1' },
    { type: 'Upsert', body: '{"id":"2","pk":"p"}', minimalReturn: true },
    { type: 'Replace', id: '1', body: '{"id":"1","pk":"p","n":1}', ifMatch: '"e"' },
    {
      type: 'Patch',
      id: '1',
      body: '{"condition":"FROM c WHERE c.n = 1","operations":[{"op":"set","path":"/n","value":2}]}',
    },
    { type: 'Delete', id: '2', ifNoneMatch: '*' },
  ])
})

test('reads the bulk request that the .NET SDK sends', () => {
  assert.deepEqual(decodeBatch(BULK).map(readable), [
    { type: 'Create', partitionKey: '["x"]', body: '{"id":"b1","pk":"x"}' },
    { type: 'Upsert', partitionKey: '[5.0]', body: '{"id":"b2","pk":5}' },
  ])
})

const NUMBERS = { Create: 0, Patch: 1, Read: 2, Delete: 4, Replace: 5, Upsert: 20 }

const binary = fc.oneof(
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  fc.nat(70_000).map((length) => Buffer.alloc(length, 'x')),
)
const text = fc.string({ unit: 'grapheme', maxLength: 200 })
const operation: fc.Arbitrary<BatchOperation> = fc.record(
  {
    type: fc.constantFrom(...(Object.keys(NUMBERS) as (keyof typeof NUMBERS)[])),
    partitionKey: text,
    epk: fc.uint8Array({ maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex').toUpperCase()),
    id: text,
    body: binary,
    ifMatch: text,
    ifNoneMatch: text,
    minimalReturn: fc.boolean(),
  },
  { requiredKeys: ['type'], noNullPrototype: true },
)

test('reads every operation as it was written', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 10 }), (operations) => {
      assert.deepEqual(decodeBatch(stream(operations.map(encodeRow))), operations)
    }),
  )
})

test('reads a body whose length takes more than two groups, and many segments', () => {
  const body = Buffer.alloc(1_900_000, 'x')
  const [first, second] = [encodeRow({ type: 'Create', body }), encodeRow({ type: 'Read', id: '\ufeff1' })]
  const decoded = decodeBatch(Buffer.concat([stream([first]), stream([second])]))
  assert.equal(decoded.length, 2)
  assert.ok(decoded[0]?.body?.equals(body))
  assert.equal(decoded[1]?.id, '\ufeff1')
})

test('ignores the content of segments', () => {
  const comment = Buffer.from('a comment')
  const segment = Buffer.concat([hex('81f0d8ff7f03'), int32(10 + comment.length), comment])
  assert.equal(decodeBatch(Buffer.concat([segment, record(encodeRow({ type: 'Read', id: '1' }))])).length, 1)
})

const READ = encodeRow({ type: 'Read', id: '1' })
const REFUSED: Readonly<Record<string, readonly [message: RegExp, body: Buffer]>> = {
  'a checksum of something else': [/checksum/, flipped(stream([READ]), 10 + 13 + 8)],
  'the checksum itself changed': [/checksum/, flipped(stream([READ]), 10 + 9)],
  'a record longer than the body': [
    /cut off/,
    Buffer.concat([hex('81f0d8ff7f010a000000 81f1d8ff7f ffffff7f 00000000'), READ]),
  ],
  'a record of a negative length': [
    /cut off/,
    Buffer.concat([hex('81f0d8ff7f010a000000 81f1d8ff7f ffffffff 00000000'), READ]),
  ],
  'a segment longer than the body': [/cut off/, hex('81f0d8ff7f01ffffff7f')],
  'a segment shorter than its header': [/shorter/, hex('81f0d8ff7f0109000000')],
  'a segment of a negative length': [/shorter/, hex('81f0d8ff7f01f6ffffff')],
  'a segment without a length': [/without a length/, hex('81f0d8ff7f00')],
  'a record of another schema': [/a record of the schema/, Buffer.concat([hex('81f2d8ff7f'), READ])],
  'another version': [/version 128/, hex('80f0d8ff7f010a000000')],
  'a row of another schema': [
    /an operation of the schema/,
    stream([Buffer.concat([hex('817154e17f03'), int32(200), int32(0)])]),
  ],
  'a row of another version': [/version 130/, stream([Buffer.concat([hex('82'), READ.subarray(1)])])],
  'an unknown operation': [/the operation 3/, stream([row(0x03, 3, 2)])],
  'an operation number that is a property name of objects': [/the operation -1/, stream([row(0x03, -1, 2)])],
  'no operation': [/the operation 0/, stream([row(0x02, 0, 2)])],
  'an unknown resource': [/on items/, stream([row(0x03, 0, 3)])],
  'no resource': [/on items/, stream([row(0x01, 0, 2)])],
  'a column that is not in the schema': [/column/, stream([row(0x83, 0, 2)])],
  'a binary id': [/binary ids/, stream([row(0x23, 2, 2, withLength(Buffer.from('1')))])],
  'a text longer than its row': [/cut off/, stream([row(0x13, 2, 2, hex('7f31'))])],
  'a text of four gigabytes': [/cut off/, stream([row(0x13, 2, 2, hex('ffffffff0f31'))])],
  'a length without an end': [/too long/, stream([row(0x13, 2, 2, hex('ffffffffffffffffffff01'))])],
  'a text that is not UTF-8': [/not UTF-8/, stream([row(0x13, 2, 2, hex('02c328'))])],
  'a field that is not in the schema': [/field 13/, stream([row(0x03, 2, 2, hex('140d0131'))])],
  'a field by its own name': [/field 16/, stream([row(0x03, 2, 2, hex('1410616263'))])],
  'a time to live': [/field 11/, stream([row(0x03, 2, 2, hex('070b01000000'))])],
  'a field of another type': [/field 9 of type 3/, stream([row(0x03, 2, 2, hex('030931'))])],
  'a flag of another type': [/field 12 of type 20/, stream([row(0x03, 2, 2, hex('140c0131'))])],
}

for (const [what, [message, body]] of Object.entries(REFUSED))
  test(`refuses ${what}`, () => assert.throws(() => decodeBatch(body), { status: 400, message }))

test('refuses every request that is cut off within a record', () => {
  const whole = [10, 57, 86, 135, 206, 322, 355]
  for (let length = 1; length < BATCH.length; length++) {
    if (whole.includes(length)) assert.ok(decodeBatch(BATCH.subarray(0, length)).length < 6)
    else assert.throws(() => decodeBatch(BATCH.subarray(0, length)), isBadRequest, `cut off at ${length}`)
  }
})

test('reads any bytes as a request or refuses them with 400', () => {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((some) => Buffer.from(some))
  const changed = fc.tuple(fc.nat(BATCH.length - 1), fc.nat(255)).map(([at, value]) => {
    const copy = Buffer.from(BATCH)
    copy[at] = value
    return copy
  })
  // With a correct checksum the content of rows is read too.
  const rows = fc.array(
    bytes.map((some) => Buffer.concat([hex('817054e17f'), some])),
    { maxLength: 3 },
  )
  const known = fc.tuple(fc.nat(0xff), fc.constantFrom(0, 1, 2, 4, 5, 20), bytes)
  const nearly = known.map(([mask, number, rest]) => stream([row(mask | 0x03, number, 2, rest)]))
  fc.assert(
    fc.property(fc.oneof(bytes, changed, rows.map(stream), nearly), (body) => {
      try {
        decodeBatch(body)
      } catch (error) {
        assert.ok(isBadRequest(error), String(error))
      }
    }),
    { numRuns: 5000 },
  )
})

const result: fc.Arbitrary<BatchResult> = fc.record(
  {
    status: fc.integer({ min: 200, max: 503 }),
    substatus: fc.integer({ min: 0, max: 6000 }),
    etag: text,
    body: fc.oneof(binary, text),
    charge: fc.double({ noNaN: true }),
    retryAfterMs: fc.nat(0xffffffff),
  },
  { requiredKeys: ['status'], noNullPrototype: true },
)

test('writes results that a reader of the schema can read', () => {
  fc.assert(
    fc.property(fc.array(result, { maxLength: 10 }), (results) => {
      const read = readResults(encodeBatch(results))
      const expected = results.map(({ body, ...others }) =>
        body === undefined ? others : { ...others, body: Buffer.from(body) },
      )
      assert.deepEqual(read, expected)
    }),
  )
})

test('JSON is not HybridRow', () => {
  for (const body of ['[]', '{"a":1}', ' ', '', '"\u0081"']) assert.equal(isHybridRow(Buffer.from(body)), false)
})

function isBadRequest(error: unknown): boolean {
  return error instanceof Failure && error.status === 400
}

function readable({ body, ...others }: BatchOperation): unknown {
  return body ? { ...others, body: body.toString() } : others
}

// An independent writer and reader: https://github.com/microsoft/HybridRow.

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex')
}

function int32(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer)
}

function withLength(bytes: Buffer): Buffer {
  const groups = bytes.length.toString(2).padStart(35, '0').match(/.{7}/g)?.reverse() ?? []
  const last = groups.findLastIndex((group) => group !== '0000000')
  const used = groups.slice(0, Math.max(last, 0) + 1)
  const length = used.map((group, index) => Number.parseInt(`${index === used.length - 1 ? 0 : 1}${group}`, 2))
  return Buffer.concat([Buffer.from(length), bytes])
}

function row(mask: number, operation: number, resource: number, ...rest: readonly Buffer[]): Buffer {
  return Buffer.concat([hex('817054e17f'), Buffer.of(mask), int32(operation), int32(resource), ...rest])
}

function encodeRow(operation: BatchOperation): Buffer {
  const { type, partitionKey, epk, id, body, ifMatch, ifNoneMatch, minimalReturn } = operation
  const utf8 = (value: string | undefined): Buffer | undefined => (value === undefined ? undefined : Buffer.from(value))
  const columns = [utf8(partitionKey), epk === undefined ? undefined : hex(epk), utf8(id), undefined, body]
  const mask = columns.reduce((bits, column, index) => bits + (column ? 2 ** (index + 2) : 0), 3)
  const fields = [
    ...(minimalReturn === undefined ? [] : [Buffer.of(minimalReturn ? 3 : 2, 12)]),
    ...(ifMatch === undefined ? [] : [Buffer.of(0x14, 9), withLength(Buffer.from(ifMatch))]),
    ...(ifNoneMatch === undefined ? [] : [Buffer.of(0x14, 10), withLength(Buffer.from(ifNoneMatch))]),
  ]
  return row(mask, NUMBERS[type], 2, ...columns.flatMap((column) => (column ? [withLength(column)] : [])), ...fields)
}

function record(bytes: Buffer): Buffer {
  const checksum = Buffer.from(Uint32Array.of(crc32(bytes)).buffer)
  return Buffer.concat([hex('81f1d8ff7f'), int32(bytes.length), checksum, bytes])
}

function stream(rows: readonly Buffer[]): Buffer {
  return Buffer.concat([hex('81f0d8ff7f010a000000'), ...rows.map(record)])
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function readResults(body: Buffer): unknown[] {
  assert.equal(body.subarray(0, 10).toString('hex'), '81f0d8ff7f010a000000')
  const results = []
  for (let at = 10; at < body.length; ) {
    assert.equal(body.subarray(at, at + 5).toString('hex'), '81f1d8ff7f')
    const length = body.readInt32LE(at + 5)
    const bytes = body.subarray(at + 13, at + 13 + length)
    assert.equal(bytes.length, length)
    assert.equal(body.readUInt32LE(at + 9), crc32(bytes))
    results.push(readResult(bytes))
    at += 13 + length
  }
  return results
}

function readResult(bytes: Buffer): unknown {
  assert.equal(bytes.subarray(0, 5).toString('hex'), '817154e17f')
  const mask = bytes.readUInt8(5)
  let at = 14
  const take = (count: number): Buffer => {
    at += count
    return bytes.subarray(at - count, at)
  }
  const sized = (): Buffer => {
    const groups = []
    do groups.unshift((bytes.readUInt8(at) & 0x7f).toString(2).padStart(7, '0'))
    while (bytes.readUInt8(at++) > 0x7f)
    return take(Number.parseInt(groups.join(''), 2))
  }
  assert.equal(mask & 1, 1)
  const found: Record<string, unknown> = { status: bytes.readInt32LE(6) }
  if (mask & 2) found.substatus = bytes.readInt32LE(10)
  else assert.equal(bytes.readInt32LE(10), 0)
  if (mask & 4) found.etag = sized().toString()
  if (mask & 8) found.body = sized()
  while (at < bytes.length) {
    const field = take(2).toString('hex')
    if (field === '0b05') found.retryAfterMs = take(4).readUInt32LE()
    else if (field === '1006') found.charge = take(8).readDoubleLE()
    else assert.fail(`a field ${field}`)
  }
  return found
}
