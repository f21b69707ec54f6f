import assert from 'node:assert/strict'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { startChild } from '../../kit/child.ts'
import { StartError } from '../../kit/errors.ts'
import { EMULATOR_KEY } from '../../test-support/cosmos.ts'
import { Store } from '../store/store.ts'
import { newFolder } from './controlled-emulator.ts'
import { MAIN, startEmulator } from './emulator.ts'
import { createClient, newContainer } from './support.ts'

const COMMITS = 40
const OF_EACH = 3
const FILES = ['cosmos.sqlite', 'cosmos.sqlite-wal'] as const

/** Data as a killed process leaves it: some commits in the file, the last ones in the log beside it. */
interface Left {
  /** For each commit, the bodies of its items by id. */
  readonly commits: readonly ReadonlyMap<string, string>[]
  readonly files: Readonly<Record<(typeof FILES)[number], Buffer>>
  /** How many commits are in the file. */
  readonly inFile: number
}

const formatId = (commit: number, part: number): string => `item-${commit}-${part}`

const insertInto = (store: Store) =>
  store.prepare(
    "INSERT INTO items (number, container, pk, id, epk, lsn, ts, etag, body) VALUES (?, 1, ?, ?, '', ?, 0, '', ?)",
  )

async function left(folder: string): Promise<Left> {
  mkdirSync(folder)
  const store = new Store(folder)
  await store.write(() => {
    store.prepare("INSERT INTO databases (id, ts, etag) VALUES ('d', 0, '')").run()
    store.prepare("INSERT INTO containers (database, id, settings, ts, etag) VALUES (1, 'c', '{}', 0, '')").run()
  })
  const commits: Map<string, string>[] = []
  const inFile = COMMITS / 2
  for (let commit = 0; commit < COMMITS; commit++) {
    if (commit === inFile) store.prepare('PRAGMA wal_checkpoint(RESTART)').all()
    const bodies = new Map<string, string>()
    await store.write((lsn) => {
      for (let part = 0; part < OF_EACH; part++) {
        const id = formatId(commit, part)
        // One of the items is longer than a page.
        const body = JSON.stringify({ id, commit, text: '~'.repeat(part === 0 ? 6000 : 300) })
        insertInto(store).run(store.nextItemNumber(), '["p"]', id, lsn, body)
        bodies.set(id, body)
      }
    })
    commits.push(bodies)
  }
  const files = Object.fromEntries(FILES.map((name) => [name, readFileSync(join(folder, name))])) as Left['files']
  store.close()
  return { commits, files, inFile }
}

/**
 * Opens data and reads its items by the index that clients' reads use; undefined when the data is refused.
 */
function opened(folder: string): ReadonlyMap<string, string> | undefined {
  let store: Store
  try {
    store = new Store(folder)
  } catch (error) {
    assert.ok(error instanceof StartError, String(error))
    assert.match(error.message, /^the data folder [^\n]* cannot be used: [^\n]+$/)
    return undefined
  }
  const found = new Map<string, string>()
  const read = store.prepare('SELECT body FROM items WHERE container = 1 AND pk = ? AND id = ?')
  for (let commit = 0; commit < COMMITS; commit++)
    for (let part = 0; part < OF_EACH; part++) {
      const row = read.get('["p"]', formatId(commit, part))
      if (row) found.set(formatId(commit, part), String(row.body))
    }
  const { n } = store.prepare('SELECT count(*) AS n FROM items').get() as { n: number }
  store.close()
  assert.equal(found.size, n)
  return found
}

/** Puts files into an empty folder. */
function put(folder: string, files: Readonly<Record<string, Buffer>>): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
}

/** Counts the complete commits. Asserts that the others are absent, and that all items are unchanged. */
function wholeCommits({ commits }: Left, found: ReadonlyMap<string, string>): number {
  const count = commits.findIndex((bodies) => [...bodies.keys()].some((id) => !found.has(id)))
  const whole = count < 0 ? commits.length : count
  const expected = new Map(commits.slice(0, whole).flatMap((bodies) => [...bodies]))
  assert.deepEqual(found, expected)
  return whole
}

/** An evenly spread position in a file: 0 is its first byte, 1 its last. */
const places = fc.noBias(fc.nat(1_000_000)).map((millionth) => millionth / 1_000_000)

const damages = fc.oneof(
  fc.record({
    kind: fc.constant('flip' as const),
    at: places,
    bits: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({
    kind: fc.constant('zero' as const),
    at: places,
    length: fc.integer({ min: 1, max: 9000 }),
  }),
)

/** @returns the damaged copy, and the positions of the changed bytes. */
function damage(
  bytes: Buffer,
  how: typeof damages extends fc.Arbitrary<infer Damage> ? Damage : never,
): [Buffer, number[]] {
  const copy = Buffer.from(bytes)
  const at = Math.floor(how.at * (bytes.length - 1))
  if (how.kind === 'flip') copy[at] = (copy[at] ?? 0) ^ how.bits
  else copy.fill(0, at, Math.min(at + how.length, bytes.length))
  const changed = Array.from({ length: how.kind === 'flip' ? 1 : how.length }, (_, i) => at + i)
  return [copy, changed.filter((i) => copy[i] !== bytes[i])]
}

test('a data file with changed bytes is refused or complete, but for one byte in an item’s own text', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  const expected = new Map(kept.commits.flatMap((bodies) => [...bodies]))
  // All of it in one file, as after an orderly stop.
  put(join(home, 'whole'), kept.files)
  new Store(join(home, 'whole')).close()
  const whole = readFileSync(join(home, 'whole', 'cosmos.sqlite'))
  let [refusals, unnoticed] = [0, 0]
  fc.assert(
    fc.property(damages, (how) => {
      const [bytes, changed] = damage(whole, how)
      put(join(home, 'damaged'), { 'cosmos.sqlite': bytes })
      const found = opened(join(home, 'damaged'))
      if (!found) {
        refusals += 1
        // A refused file is left unchanged.
        assert.deepEqual(readFileSync(join(home, 'damaged', 'cosmos.sqlite')), bytes)
        return
      }
      assert.deepEqual([...found.keys()], [...expected.keys()])
      const others = [...expected].filter(([id, body]) => found.get(id) !== body)
      if (others.length === 0) return
      unnoticed += 1
      const [[id, body] = ['', '']] = others
      assert.deepEqual([how.kind, others.length, changed.length], ['flip', 1, 1])
      const differing = [...Buffer.from(body)].filter((byte, i) => byte !== Buffer.from(found.get(id) ?? '')[i])
      assert.ok(differing.length >= 1)
    }),
    { numRuns: 600 },
  )
  t.diagnostic(`${refusals} of 600 refused, ${unnoticed} changed an item’s text unnoticed`)
  assert.ok(refusals > 100)
})

for (const [what, statement] of [
  ['a counter of another name', "UPDATE counters SET name = 'mtem' WHERE name = 'item'"],
  ['a counter that is not a number', "UPDATE counters SET value = 'x' WHERE name = 'lsn'"],
  ['an item counter below the highest item', "UPDATE counters SET value = 1 WHERE name = 'item'"],
  ['a write counter below the highest write', "UPDATE counters SET value = 1 WHERE name = 'lsn'"],
] as const)
  test(`${what} is refused, because a number would be given twice`, async (t) => {
    const home = await newFolder(t)
    put(join(home, 'kept'), (await left(join(home, 'left'))).files)
    new Store(join(home, 'kept')).close()
    const sql = new DatabaseSync(join(home, 'kept', 'cosmos.sqlite'))
    sql.exec(statement)
    sql.close()
    assert.equal(opened(join(home, 'kept')), undefined)
  })

test('a log with changed bytes is refused, or lacks at most the last two commits as a whole', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  const wal = kept.files['cosmos.sqlite-wal']
  const frames = commitFrames(wal)
  assert.ok(frames.length >= COMMITS - kept.inFile)
  let refusals = 0
  const lost = [0, 0, 0]
  fc.assert(
    fc.property(damages, (how) => {
      const [bytes] = damage(wal, how)
      put(join(home, 'damaged'), { ...kept.files, 'cosmos.sqlite-wal': bytes })
      const found = opened(join(home, 'damaged'))
      if (!found) {
        refusals += 1
        assert.deepEqual(readFileSync(join(home, 'damaged', 'cosmos.sqlite-wal')), bytes)
        return
      }
      const missing = COMMITS - wholeCommits(kept, found)
      assert.ok(missing <= 2, `${missing} commits are gone: ${JSON.stringify(how)}`)
      lost[missing] = (lost[missing] ?? 0) + 1
    }),
    { numRuns: 600 },
  )
  t.diagnostic(`${refusals} of 600 refused; none, one, two commits lost: ${lost.join(', ')}`)
  assert.ok(refusals > 100)
})

test('a log with any changed byte in its header is refused', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  for (let at = 0; at < 32; at++) {
    const wal = Buffer.from(kept.files['cosmos.sqlite-wal'])
    wal[at] = (wal[at] ?? 0) ^ (1 << (at % 8))
    put(join(home, 'damaged'), { ...kept.files, 'cosmos.sqlite-wal': wal })
    assert.equal(opened(join(home, 'damaged')), undefined, `byte ${at}`)
  }
})

test('a log that a crash cut off, or left with holes in its last commit, is never refused', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  const wal = kept.files['cosmos.sqlite-wal']
  fc.assert(
    fc.property(fc.noBias(fc.nat(wal.length)), (length) => {
      put(join(home, 'cut'), { ...kept.files, 'cosmos.sqlite-wal': wal.subarray(0, length) })
      const found = opened(join(home, 'cut'))
      assert.ok(found, `cut at ${length}`)
      assert.ok(wholeCommits(kept, found) >= kept.inFile)
    }),
    { numRuns: 150 },
  )
  const [before = 0, last = 0] = commitFrames(wal).slice(-2)
  const frameSize = 24 + wal.readUInt32BE(8)
  const torn = Array.from({ length: (last - before) / frameSize }, (_, i) => before + (i + 1) * frameSize)
  assert.ok(torn.length > 2)
  fc.assert(
    fc.property(fc.subarray(torn, { minLength: 1 }), (holes) => {
      const bytes = Buffer.from(wal)
      for (const at of holes) bytes.fill(0, at, at + frameSize)
      put(join(home, 'torn'), { ...kept.files, 'cosmos.sqlite-wal': bytes })
      const found = opened(join(home, 'torn'))
      assert.ok(found, `holes at ${holes.join()}`)
      assert.equal(wholeCommits(kept, found), COMMITS - 1)
    }),
  )
})

/** The frames that end a commit, by the file format: https://sqlite.org/fileformat2.html#walformat */
function commitFrames(wal: Buffer): readonly number[] {
  const frameSize = 24 + wal.readUInt32BE(8)
  const found: number[] = []
  for (let at = 32; at + frameSize <= wal.length; at += frameSize)
    if (wal.readUInt32BE(at + 4) !== 0 && wal.compare(wal, 16, 24, at + 8, at + 16) === 0) found.push(at)
  return found
}

test('a data file that is cut off is refused', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  put(join(home, 'whole'), kept.files)
  new Store(join(home, 'whole')).close()
  const whole = readFileSync(join(home, 'whole', 'cosmos.sqlite'))
  fc.assert(
    fc.property(fc.noBias(fc.nat(whole.length - 1)), (length) => {
      put(join(home, 'cut'), { 'cosmos.sqlite': whole.subarray(0, length) })
      assert.equal(opened(join(home, 'cut')), undefined, `cut at ${length} of ${whole.length}`)
    }),
    { numRuns: 150 },
  )
})

async function refusedInOneLine(folder: string, message: RegExp): Promise<void> {
  await assert.rejects(startEmulator(folder), (error: Error) => {
    assert.ok(error instanceof StartError)
    assert.match(error.message, message)
    assert.ok(!error.message.includes('\n'))
    return true
  })
}

test('an empty file, one without tables, or a log alone is refused in one line and left unchanged', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  const folder = join(home, 'data')
  put(folder, { 'cosmos.sqlite': Buffer.alloc(0) })
  await refusedInOneLine(folder, /cosmos\.sqlite is damaged, it is empty: restore it/)
  assert.equal(statSync(join(folder, 'cosmos.sqlite')).size, 0)
  rmSync(folder, { recursive: true })
  mkdirSync(folder)
  const other = new DatabaseSync(join(folder, 'cosmos.sqlite'))
  other.exec('CREATE TABLE x (y)')
  other.close()
  await refusedInOneLine(folder, /cosmos\.sqlite is damaged, it has no tables: restore it/)
  put(folder, { 'cosmos.sqlite-wal': kept.files['cosmos.sqlite-wal'] })
  await refusedInOneLine(folder, /cosmos\.sqlite is missing, but its .*cosmos\.sqlite-wal is there: restore both/)
  assert.equal(existsSync(join(folder, 'cosmos.sqlite')), false)
})

test('after a crash during the first start, the next start begins without data', async (t) => {
  const home = await newFolder(t)
  const kept = await left(join(home, 'kept'))
  const folder = join(home, 'data')
  put(folder, {
    'cosmos.sqlite.new': kept.files['cosmos.sqlite'].subarray(0, 5000),
    'cosmos.sqlite.new-journal': Buffer.from('half a journal'),
  })
  const child = await startEmulator(folder)
  const { resources } = await createClient(t, { endpoint: child.address, key: EMULATOR_KEY })
    .databases.readAll()
    .fetchAll()
  assert.deepEqual(resources, [])
  await child.stop()
  assert.deepEqual(readdirSync(folder), ['cosmos.sqlite'])
})

/** Starts a process over data, and collects all its output. */
async function startWithOutput(t: TestContext, folder: string) {
  let output = ''
  const env = { COSMOS_EMULATOR_PORT: '0', COSMOS_EMULATOR_DATA: folder }
  const onOutput = (text: string): void => {
    output += text
  }
  const child = await startChild('cosmos', MAIN, env, { onOutput })
  t.after(() => child.stop())
  return { child, readOutput: () => output }
}

test('damage of an index that is found while a large file is in use ends the process with one line', async (t) => {
  const folder = join(await newFolder(t), 'data')
  const store = new Store(folder, { fast: true })
  await store.write((lsn) => {
    store.prepare("INSERT INTO databases (id, ts, etag) VALUES ('d', 0, '')").run()
    store.prepare("INSERT INTO containers (database, id, settings, ts, etag) VALUES (1, 'c', '{}', 0, '')").run()
    for (let n = 0; n < 400; n++)
      insertInto(store).run(
        store.nextItemNumber(),
        '["p"]',
        `item-${n}`,
        lsn,
        JSON.stringify({ text: '~'.repeat(100_000) }),
      )
  })
  const page = store
    .prepare("SELECT pageno FROM dbstat WHERE name = 'items_by_key' AND pagetype = 'leaf'")
    .get()?.pageno
  store.close()
  const path = join(folder, 'cosmos.sqlite')
  const sound = await startWithOutput(t, folder)
  await sound.child.stop()
  assert.equal(sound.readOutput(), '')

  const bytes = readFileSync(path)
  const at = bytes.indexOf('item-1', 4096 * (Number(page) - 1))
  bytes.write('jtem', at)
  writeFileSync(path, bytes)
  const { child, readOutput: output } = await startWithOutput(t, folder)
  assert.equal(await child.exited, 'ended with code 1')
  assert.match(output(), /^the data file is damaged, so this process ends: [^\n]*items_by_key[^\n]*\n$/)
})

test('damage that is met while serving ends the process with one line, without a wrong answer', async (t) => {
  const folder = await newFolder(t)
  const first = await startEmulator(folder)
  const target = { endpoint: first.address, key: EMULATOR_KEY, stop: () => first.stop() }
  const container = await newContainer(t, target)
  for (let n = 0; n < 60; n++) await container.items.create({ id: String(n), pk: 'a', text: '~'.repeat(100_000) })
  await first.stop()
  const { child, readOutput: output } = await startWithOutput(t, folder)
  const path = join(folder, 'cosmos.sqlite')
  copyFileSync(path, `${path}.copy`)
  const bytes = readFileSync(path)
  // All pages but the first, which the process has in memory.
  writeFileSync(path, bytes.fill(0x55, 40 * 4096))
  const again = createClient(t, { endpoint: child.address, key: EMULATOR_KEY })
  const query = again
    .database(container.database.id)
    .container('c')
    .items.query('SELECT * FROM c', { maxItemCount: 100 })
  await assert.rejects(query.fetchAll())
  assert.equal(await child.exited, 'ended with code 1')
  assert.match(output(), /^the data file is damaged, so this process ends: [^\n]+\n$/)
})
