import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Container } from '@azure/cosmos'
import { cosmosEndpoint } from '../../../test-support/cosmos.ts'
import { type ArchiveEnd, EMPTY_ARCHIVE, encodeSegment } from '../../core/archive.ts'
import { eventId } from '../../core/event.ts'
import { canonicalHash, seal } from '../../core/hash-chain.ts'
import { CosmosItemFeed } from '../../cosmos/item-feed.ts'
import { MemoryArchive } from '../../memory/archive.ts'
import { ArchiveWriter } from '../../runtime/archive.ts'
import { verifyArchive } from '../../verify/archive.ts'
import { checkProof, createProof, ProofError } from '../../verify/proof.ts'
import type { Fault } from '../../verify/stream-check.ts'
import { type Item, makeItems, makeReceipt } from '../support/log-items.ts'

const { database, stop } = await cosmosEndpoint()
after(stop)

type Text = { readonly previousHash: string; readonly events: readonly Item[] }

const describeReceipt = (stream: string): string => `${stream} ${makeReceipt(stream, 6).id}`

const STREAMS = ['order-1', 'order-2', 'order-3', 'order-4']

interface World {
  readonly log: Container
  readonly archive: MemoryArchive
  readonly writer: ArchiveWriter
}

/** A log of four streams, each with five commits and a receipt, and its archive in segments of five items. */
async function createWorld(): Promise<World> {
  const { container: log } = await database.containers.create({ id: randomUUID(), partitionKey: '/stream' })
  for (const stream of STREAMS)
    for (const item of [...makeItems(stream), makeReceipt(stream, 6)]) await log.items.create(item)
  const archive = new MemoryArchive()
  const deps = { service: 'ordering', archive, feed: new CosmosItemFeed(log, 5), clock: { elapsed: () => 0 } }
  const writer = new ArchiveWriter({ ...deps, full: { items: 5, bytes: 2 ** 20 } })
  await writer.write(1)
  assert.equal(archive.segments.size, 5)
  return { log, archive, writer }
}

async function verify(
  { log, archive }: Pick<World, 'archive'> & Partial<World>,
  options: { readonly root?: string; readonly threads?: number } = {},
) {
  const faults: Fault[] = []
  async function* segments() {
    for (const [number, bytes] of [...archive.segments].sort(([a], [b]) => a - b)) yield { number, bytes }
  }
  const counts = await verifyArchive(
    { service: 'ordering', segments: segments(), ...(log ? { log } : {}), ...options },
    { progress: () => {}, fault: (fault) => faults.push(fault) },
  )
  return { ...counts, faults: faults.map(({ place, wrong }) => `${place} ${wrong}`) }
}

/** An item of the log with other fields, as somebody writes it who has every right on the account. */
async function rewrite({ log }: World, stream: string, id: string, change: (item: Item) => object): Promise<void> {
  const { resource } = await log.item(id, stream).read<Item>()
  assert.ok(resource)
  await log.item(id, stream).replace({ ...resource, ...change(resource) })
}

async function remove({ log }: World, stream: string, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) await log.item(id, stream).delete()
}

function changeSegment({ archive }: World, number: number, change: (lines: string[]) => string[]): void {
  const lines = gunzipSync(archive.segments.get(number) ?? assert.fail())
    .toString()
    .split('\n')
  archive.segments.set(number, gzipSync(change(lines).join('\n')))
}

/** A segment with other items and right hashes, as somebody makes it who knows the format. */
async function forgeSegment(world: World, number: number, change: (line: string) => string): Promise<void> {
  const [head = '', ...lines] = gunzipSync(world.archive.segments.get(number) ?? assert.fail())
    .toString()
    .trim()
    .split('\n')
  const { previous, continuation, newest } = JSON.parse(head)
  const { bytes } = await encodeSegment(
    'ordering',
    { number: number - 1, root: previous },
    { lines: lines.map((line) => Buffer.from(change(line))), continuation, newest },
  )
  world.archive.segments.set(number, bytes)
}

const ID = (version: number): string => eventId(version)
const oneByte = (item: Item) => ({ text: String(item.text).replace('as it was', 'as it wax') })

/** What somebody does, and all that the check must say about it. */
const TAMPERINGS: Readonly<Record<string, readonly [(world: World) => unknown, readonly string[]]>> = {
  'one byte of an event': [
    (world) => rewrite(world, 'order-2', ID(4), oneByte),
    ['order-2@4 changed', 'order-2@4 changed'],
  ],
  'a commit that is deleted': [(world) => remove(world, 'order-2', ID(4)), ['order-2@4 missing', 'order-2@4 missing']],
  'the newest commits, deleted with their receipt': [
    (world) => remove(world, 'order-3', ID(5), ID(6), makeReceipt('order-3', 6).id),
    ['order-3@5 missing', 'order-3@6 missing', `${describeReceipt('order-3')} missing`],
  ],
  'the newest event, forged with a right hash': [
    async (world) => {
      const forged = makeItems('order-1', 'as it never was').at(-1)
      const { text } = makeItems('order-1').at(-1) ?? assert.fail()
      const { previousHash } = JSON.parse(String(text)) as Text
      const changed = JSON.parse(String(forged?.text)) as Text
      const content = changed.events[0] ?? assert.fail()
      const { data, type, schemaVersion } = content
      const { event } = seal({
        ...{ id: ID(6), stream: 'order-1', version: 6, schemaVersion, source: '/ordering/order', type, data },
        ...{ time: '2026-11-30T12:00:00.000Z', correlation: 'c', causation: 'command:order-1 4', actor: 'tester' },
        previousHash,
      } as Parameters<typeof seal>[0])
      const forgedText = { ...changed, previousHash, events: [{ ...content, hash: event.hash }] }
      await rewrite(world, 'order-1', ID(6), () => ({ text: JSON.stringify(forgedText), hash: event.hash }))
    },
    ['order-1@6 changed'],
  ],
  'a stream whose events are renumbered and linked again, without one of them': [
    async (world) => {
      await remove(world, 'order-2', ...[1, 2, 4, 5, 6].map(ID))
      for (const item of makeItems('order-2', 'another story', 4)) await world.log.items.create(item)
    },
    [
      ...['order-2@2 to order-2@3 changed', 'order-2@4 changed', 'order-2@5 changed'],
      // By the archive, and by the receipt that points to it.
      ...['order-2@6 missing', 'order-2@6 missing'],
    ],
  ],
  'a stream that is replaced by another with right hashes': [
    async (world) => {
      const items = makeItems('order-4', 'as it never was')
      await remove(world, 'order-4', ...items.map(({ id }) => id))
      for (const item of items) await world.log.items.create(item)
    },
    ['order-4@2 to order-4@3 changed', 'order-4@4 changed', 'order-4@5 changed', 'order-4@6 changed'],
  ],
  'a whole stream that is deleted': [
    (world) => remove(world, 'order-1', ...[1, 2, 4, 5, 6].map(ID), makeReceipt('order-1', 6).id),
    ['order-1 missing'],
  ],
  'a receipt with another version': [
    (world) => rewrite(world, 'order-3', makeReceipt('order-3', 6).id, () => ({ version: 5 })),
    [`${describeReceipt('order-3')} changed`],
  ],
  'a fingerprint, which no hash of an event covers': [
    (world) => rewrite(world, 'order-3', ID(5), () => ({ fingerprint: canonicalHash('another request') })),
    ['order-3@5 changed'],
  ],
  'an event that is changed for a while and then restored': [
    async (world) => {
      const { resource } = await world.log.item(ID(5), 'order-3').read<Item>()
      await rewrite(world, 'order-3', ID(5), () => ({ fingerprint: canonicalHash('another request') }))
      await world.writer.write(1)
      await rewrite(world, 'order-3', ID(5), () => ({ fingerprint: resource?.fingerprint }))
    },
    ['order-3@5 changed'],
  ],
  'a byte of a segment': [
    ({ archive }) => {
      const bytes = Uint8Array.from(archive.segments.get(2) ?? assert.fail())
      bytes[40] = (bytes[40] ?? 0) ^ 1
      archive.segments.set(2, bytes)
    },
    ['segment 2 changed'],
  ],
  'an item of a segment': [
    (world) => changeSegment(world, 3, (lines) => lines.map((line) => line.replace('as it was 4', 'as it wax 4'))),
    ['segment 3 changed', 'order-3@4 changed', 'order-3@4 changed'],
  ],
  'a segment that is cut off': [
    ({ archive }) => archive.segments.set(4, (archive.segments.get(4) ?? assert.fail()).subarray(0, 200)),
    ['segment 4 changed'],
  ],
  'a segment without one of its items': [
    (world) => changeSegment(world, 2, (lines) => lines.toSpliced(2, 1)),
    ['segment 2 changed', 'order-2@1 inserted'],
  ],
  'a segment that is forged with right roots': [
    (world) => forgeSegment(world, 2, (line) => line.replace(canonicalHash('order-2 1'), canonicalHash('another'))),
    ['segment 3 does not follow', 'order-2@2 to order-2@3 changed'],
  ],
  'a segment that is removed': [({ archive }) => archive.segments.delete(3), ['segment 3 missing']],
  'a restore record that is forged, with right roots': [
    async (world) => {
      const last = gunzipSync(world.archive.segments.get(5) ?? assert.fail())
        .toString()
        .trim()
        .split('\n')
      const { root, continuation, newest } = JSON.parse(last[0] ?? '')
      const lines = last.slice(-1).map((line) => Buffer.from(line))
      const content = { lines, continuation, newest, restored: 23 }
      world.archive.segments.set(6, (await encodeSegment('ordering', { number: 5, root }, content)).bytes)
    },
    ['segment 6 changed'],
  ],
  'two segments that changed places': [
    ({ archive }) => {
      const [second, third] = [archive.segments.get(2), archive.segments.get(3)]
      assert.ok(second && third)
      archive.segments.set(2, third).set(3, second)
    },
    [
      'segment 2 changed',
      'segment 2 does not follow',
      'segment 3 changed',
      'segment 3 does not follow',
      'segment 4 does not follow',
    ],
  ],
}

describe('the check of a log and its archive', () => {
  it('finds nothing in a log and an archive that are as they were written, in one thread and in several', async () => {
    const world = await createWorld()
    for (const threads of [1, 2]) {
      const { archive, log, faults } = await verify(world, { threads })
      assert.deepEqual(faults, [])
      assert.deepEqual([archive.segments, archive.items, archive.events], [5, 24, 24])
      assert.deepEqual([log?.streams, log?.events, log?.receipts, log?.unanchored], [4, 24, 4, 0])
    }
  })

  for (const [what, [tamper, expected]] of Object.entries(TAMPERINGS))
    it(`finds ${what}`, async () => {
      const world = await createWorld()
      await tamper(world)
      assert.deepEqual((await verify(world)).faults.toSorted(), expected.toSorted())
    })

  it('says what no segment has yet, and finds it gone once one has', async () => {
    const world = await createWorld()
    const item = makeItems('order-1', 'as it was', 6).at(-1) ?? assert.fail()
    await world.log.items.create(item)
    const newer = await verify(world)
    assert.deepEqual([newer.faults, newer.log?.unanchored], [[], 1])
    await remove(world, 'order-1', item.id)
    assert.deepEqual((await verify(world)).faults, [], 'nothing can show it')
    await world.log.items.create(item)
    await world.writer.write(1)
    await remove(world, 'order-1', item.id)
    assert.deepEqual((await verify(world)).faults, ['order-1@7 missing'])
  })

  it('finds without a log what breaks the chain of a stream, within a segment and between segments', async () => {
    /** What the check says of an archive of these segments, which have right roots. */
    const find = async (...segments: readonly (readonly (Item | undefined)[])[]) => {
      const archive = new MemoryArchive()
      let end: ArchiveEnd = EMPTY_ARCHIVE
      for (const items of segments) {
        const lines = items.map((item) => Buffer.from(JSON.stringify(item)))
        const place = { continuation: '', newest: '2026-11-30T12:00:00.000Z' }
        const { header, bytes } = await encodeSegment('ordering', end, { lines, ...place })
        await archive.create(header.number, bytes)
        end = header
      }
      return (await verify({ archive })).faults
    }
    const [a1, a2, a4, a5, a6] = makeItems('order-1')
    const [b1, ...others] = makeItems('order-2')
    const forged = makeItems('order-1', 'as it never was')[3]
    assert.deepEqual(await find([a1, a2, a4], [a5, b1], [a6, ...others]), [])
    assert.deepEqual(await find([a1, a4], [a5, b1], [a6, ...others]), ['order-1@2 to order-1@3 missing'])
    assert.deepEqual(await find([a1, a2, a4], [b1], [a6, ...others]), ['order-1@5 missing'])
    const unlinked = ['order-1@5 does not follow', 'order-1@6 does not follow']
    assert.deepEqual(await find([a1, a2, a4, forged, a6], [b1, ...others]), unlinked)
    assert.deepEqual(await find([a1, a2, a4], [forged, b1], [a6, ...others]), unlinked)
    // An item that comes again is no fault, unless it has another content.
    assert.deepEqual(await find([a1, a2, a4], [a5, b1], [a6, ...others, a1]), [])
    const changed = { ...a1, fingerprint: canonicalHash('another request') } as Item
    assert.deepEqual(await find([a1, a2, a4], [a5, b1], [a6, ...others, changed]), ['order-1@1 changed'])
  })

  it('finds segments that were removed at the end, if it is told a root that it has seen', async () => {
    const world = await createWorld()
    const { root } = (await verify(world)).archive
    assert.deepEqual((await verify(world, { root })).faults, [])
    world.archive.segments.delete(5)
    assert.equal((await verify(world)).log?.unanchored, 4)
    assert.deepEqual((await verify(world, { root })).faults, ['the archive missing'])
  })
})

describe('an inclusion proof', () => {
  const stored = async function* ({ archive }: World) {
    for (const [number, bytes] of archive.segments) yield { number, bytes }
  }
  /** A proof, as somebody gets it who has only its JSON. */
  const prove = async (world: World, stream: string, version: number) =>
    JSON.parse(JSON.stringify((await createProof(stored(world), { stream, version })) ?? null)) as Record<
      string,
      unknown
    >

  it('shows every event, its segment, and the root of the newest segment', async () => {
    const world = await createWorld()
    const { root } = (await verify(world)).archive
    let checked = 0
    for (const stream of STREAMS)
      for (let version = 1; version <= 6; version++) {
        const { envelope, event, roots, service } = checkProof(await prove(world, stream, version))
        assert.deepEqual([service, event, roots.at(-1)], ['ordering', `${stream}@${version}`, root])
        assert.deepEqual([envelope.stream, envelope.version, envelope.actor], [stream, version, 'tester'])
        checked++
      }
    assert.equal(checked, 24)
    assert.equal(await prove(world, 'order-1', 7), null)
  })

  it('proves nothing once anything in it is changed', async () => {
    const world = await createWorld()
    const proof = await prove(world, 'order-2', 3)
    checkProof(proof)
    const leaves = listLeaves(proof)
    for (const path of leaves) assert.throws(() => checkProof(changeAt(proof, path)), ProofError, path.join('.'))
    assert.ok(leaves.length > 25, `${leaves.length} places`)
    for (const other of [null, [], {}, { ...proof, headers: [] }, { ...proof, path: 'x' }])
      assert.throws(() => checkProof(other), ProofError)
  })
})

/** The value with another text or number at a path. */
function changeAt(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return typeof value === 'number' ? value + 1 : String(value).replace(/[0-9a-z]/, '_')
  if (Array.isArray(value)) return value.with(Number(name), changeAt(value[Number(name)], rest))
  const fields = value as Readonly<Record<string, unknown>>
  return { ...fields, [name]: changeAt(fields[name], rest) }
}

/** The path of every text and number in a value. */
function listLeaves(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return Object.entries(value).flatMap(([name, each]) => listLeaves(each, [...path, name]))
}
