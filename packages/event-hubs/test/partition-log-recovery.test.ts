import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { StartError } from '../../kit/errors.ts'
import { refuseFormerLogs } from '../log/log-recovery.ts'
import {
  append,
  bodies,
  listSegments,
  names,
  newFolder,
  numbered,
  openLog,
  readAll,
  type Stored,
  storedIn,
  withLog,
} from './partition-log-support.ts'

const refusal = (pattern: RegExp) => (error: Error) => {
  assert.ok(error instanceof StartError, String(error))
  assert.match(error.message, pattern)
  assert.match(
    error.message,
    /restore the file, or remove .* to start with an empty partition|start with another data folder/,
  )
  return true
}

/** Writes three records of two events each. Returns where each record starts in the file, and where the last ends. */
async function threeRecords(
  folder: string,
): Promise<{ path: string; whole: Buffer; records: number[]; all: Stored[] }> {
  const records: number[] = []
  const all = await withLog(folder, async (log) => {
    records.push(log.info.bytes)
    for (let i = 0; i < 6; i += 2) {
      await append(log, numbered(i, i + 2))
      records.push(log.info.bytes)
    }
    return readAll(log)
  })
  const [path] = await listSegments(folder)
  assert.ok(path)
  return { path, whole: await readFile(path), records, all }
}

/** Writes ten events, each into its own segment. */
async function tenSegments(folder: string): Promise<string[]> {
  await withLog(
    folder,
    async (log) => {
      for (let i = 0; i < 10; i++) await append(log, numbered(i, i + 1))
    },
    { segmentBytes: 1 },
  )
  const segments = await listSegments(folder)
  assert.equal(segments.length, 10)
  return segments
}

const changed = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0x40
  return copy
}

test('refuses a damaged record before whole ones, naming file, sequence number and byte', async (t) => {
  const folder = await newFolder(t)
  const { path, whole, records } = await threeRecords(folder)
  const [, second = 0, third = 0] = records
  for (let at = second; at < third; at++) {
    const damaged = changed(whole, at)
    await writeFile(path, damaged)
    await assert.rejects(openLog(folder), refusal(new RegExp(`0\\.log: .* at byte ${second} is damaged`)))
    assert.deepEqual(await readFile(path), damaged, 'a refused file stays unchanged')
  }
})

test('refuses a log whose first record is missing, and does not renumber it', async (t) => {
  const folder = await newFolder(t)
  const { path, whole, records } = await threeRecords(folder)
  const [first = 0, second = 0] = records
  await writeFile(path, Buffer.concat([whole.subarray(0, first), whole.subarray(second)]))
  await assert.rejects(
    openLog(folder),
    refusal(new RegExp(`0\\.log: the record at byte ${first} starts with sequence number 2, not 0:`)),
  )
})

test('refuses a damaged header of a segment that has events or is not the last', async (t) => {
  const folder = await newFolder(t)
  const { path, whole, records } = await threeRecords(folder)
  for (let at = 0; at < (records[0] ?? 0); at++) {
    await writeFile(path, changed(whole, at))
    await assert.rejects(openLog(folder), refusal(/0\.log: its header is damaged/), `byte ${at}`)
  }
  await writeFile(path, whole)
  const other = await newFolder(t)
  for (const segment of await tenSegments(other)) {
    const good = await readFile(segment)
    await writeFile(segment, changed(good, 20))
    await assert.rejects(openLog(other), refusal(new RegExp(`${basename(segment)}: its header is damaged`)))
    await writeFile(segment, good)
  }
  await withLog(other, async (log) => assert.deepEqual(bodies(await readAll(log)), names(0, 10)))
})

test('refuses a missing, cut or misplaced segment by name', async (t) => {
  const folder = await newFolder(t)
  const segments = await tenSegments(folder)
  for (const [i, path] of segments.entries()) {
    if (i === 0 || i === 9) continue
    const name = basename(path)
    await rename(path, `${path}.away`)
    await assert.rejects(
      openLog(folder),
      refusal(new RegExp(`${basename(segments[i + 1] ?? '')}: .*${name} is missing`)),
    )
    await rename(`${path}.away`, path)
    const whole = await readFile(path)
    await writeFile(path, whole.subarray(0, -1))
    await assert.rejects(
      openLog(folder),
      refusal(new RegExp(`: the segment before it, ${name}, ends at position \\d+`)),
    )
    await writeFile(path, (await readFile(segments[i - 1] ?? '')).subarray(0, whole.length))
    await assert.rejects(openLog(folder), refusal(new RegExp(`${name}: it starts at position`)))
    await writeFile(path, whole)
  }
  await withLog(folder, async (log) => assert.deepEqual(bodies(await readAll(log)), names(0, 10)))
})

test('refuses a segment of another log at the right position that does not continue the sequence', async (t) => {
  const options = { segmentBytes: 1 }
  const write = async (...sizes: number[]): Promise<string[]> => {
    const folder = await newFolder(t)
    await withLog(
      folder,
      async (log) => {
        for (const size of sizes) await append(log, numbered(0, 1, size))
      },
      options,
    )
    return listSegments(folder)
  }
  const [, second = '', third = ''] = await write(400, 400, 400)
  const [, other = ''] = await write(
    400 + Number.parseInt(basename(third), 10) - Number.parseInt(basename(second), 10),
    400,
  )
  assert.equal(basename(other), basename(third))
  await copyFile(other, third)
  await assert.rejects(
    openLog(dirname(third)),
    refusal(new RegExp(`${basename(third)}: it does not continue the sequence of ${basename(second)}`)),
  )
})

test('refuses to read a damaged event of a sealed segment, by file and byte, and serves all others', async (t) => {
  const folder = await newFolder(t)
  await withLog(
    folder,
    async (log) => {
      for (let i = 0; i < 30; i++) await append(log, numbered(i, i + 1))
    },
    { segmentBytes: 1000 },
  )
  const segments = await listSegments(folder)
  assert.ok(segments.length > 3)
  const path = segments[1] ?? ''
  const whole = await readFile(path)
  await writeFile(path, changed(whole, whole.length - 10))
  await withLog(folder, async (log) => {
    const damaged = new RegExp(`${basename(path)} is damaged at byte \\d+`)
    const before: string[] = []
    await assert.rejects(async () => {
      for (let next = 0; ; ) {
        const chunk = await log.read(next)
        assert.ok(chunk, 'the damaged event was skipped')
        before.push(...bodies(storedIn(chunk)))
        next = chunk.next
      }
    }, damaged)
    const lost = before.length
    assert.deepEqual(before, names(0, lost))
    const from = await log.seek({ key: 'sequence', min: lost })
    await assert.rejects(readAll(log, from), damaged)
    const after = await log.seek({ key: 'sequence', min: lost + 1 })
    assert.deepEqual(bodies(await readAll(log, after)), names(lost + 1, 30))
    await append(log, numbered(30, 31))
    assert.equal(log.failed, undefined)
  })
})

test('refuses a folder of the former format, and says what to do', async (t) => {
  const folder = dirname(await newFolder(t))
  await mkdir(folder, { recursive: true })
  await refuseFormerLogs(folder)
  await withLog(join(folder, '0'), (log) => append(log, numbered(0, 1)))
  await refuseFormerLogs(folder)
  await writeFile(join(folder, '12.log'), '')
  await assert.rejects(
    refuseFormerLogs(folder),
    refusal(/12\.log was written by an earlier version: start with another data folder, or remove/),
  )
})

test('refuses a segment of a future format, and does not cut it', async (t) => {
  const folder = await newFolder(t)
  const { path, whole, records } = await threeRecords(folder)
  whole.writeUInt32BE(2, 8)
  whole.writeUInt32BE(crc32(whole.subarray(8, records[0])), 4)
  await writeFile(path, whole)
  await assert.rejects(openLog(folder), refusal(/0\.log was written by another version \(format 2\)/))
})

test('a log cut at any byte keeps every record before the cut at its position, and continues after it', async (t) => {
  const folder = await newFolder(t)
  const { path, whole, records, all } = await threeRecords(folder)
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length))
    const kept = 2 * Math.max(0, records.filter((end) => end <= length).length - 1)
    await withLog(folder, async (log) => {
      assert.equal((await stat(path)).size, log.info.bytes, `cut at ${length}`)
      assert.equal(log.info.lastSequence, kept - 1, `cut at ${length}`)
      assert.deepEqual(await readAll(log), all.slice(0, kept))
      await append(log, numbered(kept, kept + 1))
      assert.deepEqual(bodies(await readAll(log)), names(0, kept + 1))
    })
  }
})

test('a last segment cut at any byte keeps all before the cut, and all earlier segments', async (t) => {
  const folder = await newFolder(t)
  const segments = await tenSegments(folder)
  const path = segments[9] ?? ''
  const whole = await readFile(path)
  const all = await withLog(folder, (log) => readAll(log))
  for (let length = 0; length <= whole.length; length++) {
    await writeFile(path, whole.subarray(0, length))
    const kept = length === whole.length ? 10 : 9
    await withLog(folder, async (log) => {
      assert.equal(log.info.lastSequence, kept - 1, `cut at ${length}`)
      assert.deepEqual(await readAll(log), all.slice(0, kept))
      await append(log, numbered(kept, kept + 1))
      assert.deepEqual(bodies(await readAll(log)), names(0, kept + 1))
    })
    assert.deepEqual(await listSegments(folder), segments)
  }
})

test('cuts zeros and garbage after the last record, as a lost page leaves them', async (t) => {
  for (const tail of [Buffer.alloc(5000), Buffer.from('TML2'.repeat(500)), Buffer.alloc(40, 0xff)]) {
    const folder = await newFolder(t)
    const { path, whole, all } = await threeRecords(folder)
    await appendFile(path, tail)
    await withLog(folder, async (log) => {
      assert.equal((await stat(path)).size, whole.length)
      assert.deepEqual(await readAll(log), all)
    })
  }
})

test('finds damage of the segment before a torn header', async (t) => {
  const folder = await newFolder(t)
  const segments = await tenSegments(folder)
  const [sealed = '', torn = ''] = segments.slice(-2)
  await writeFile(torn, '')
  const whole = await readFile(sealed)
  await writeFile(sealed, changed(whole, whole.length - 1))
  await assert.rejects(openLog(folder), refusal(new RegExp(`${basename(sealed)}: the record at byte \\d+ is damaged`)))
  assert.equal((await readFile(sealed)).length, whole.length)
})
