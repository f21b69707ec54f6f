import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { temporaryFolder } from '../../event-hubs/test/emulator.ts'
import { type ArchiveEnd, EMPTY_ARCHIVE, encodeSegment, segmentName } from '../../tidemark/core/archive.ts'
import { listCodeBlocks } from '../documented-code.ts'

const run = promisify(execFile)
const PROJECT = fileURLToPath(new URL('./ArchiveReader/', import.meta.url))

const folder = await temporaryFolder()
after(() => folder.remove())
const segments = join(folder.path, 'segments')
const items: string[] = []
let program = ''

before(async () => {
  const artifacts = join(folder.path, 'artifacts')
  await run('dotnet', ['build', PROJECT, '-c', 'Release', '--artifacts-path', artifacts, '--nologo'])
  program = join(artifacts, 'bin', 'ArchiveReader', 'release', 'ArchiveReader.dll')
})

/** Writes an archive of three segments, of 1, 2 and 7 items. */
async function written(): Promise<void> {
  await rm(segments, { recursive: true, force: true })
  await mkdir(segments)
  items.length = 0
  let end: ArchiveEnd = EMPTY_ARCHIVE
  for (const count of [1, 2, 7]) {
    const its = Array.from({ length: count }, (_, index) =>
      JSON.stringify({ id: `${index}`, text: 'grüße \u2028 "<&' }),
    )
    items.push(...its)
    const continuation = JSON.stringify({ rid: 'a+b=', Continuation: [{ minInclusive: '', continuationToken: '"7"' }] })
    const content = { lines: its.map((each) => Buffer.from(each)), continuation, newest: '2026-11-30T12:00:00.000Z' }
    const { header, bytes } = await encodeSegment('ordering', end, content)
    await writeFile(fileOf(header.number), bytes)
    end = header
  }
}

const fileOf = (number: number): string => join(folder.path, segmentName(number))

test('a reader in C#, of the documented format alone, reads and checks an archive', async () => {
  await written()
  const { stdout } = await run('dotnet', [program, segments])
  assert.deepEqual(stdout.trimEnd().split('\n'), items)
})

for (const [what, change, line] of [
  ['a missing segment', () => rm(fileOf(2)), /000000000003\.ndjson\.gz: a segment is missing/],
  ['a changed item', () => rewrite(3, 'grüße', 'Grüße'), /000000000003\.ndjson\.gz: an item was changed/],
  ['a changed header', () => rewrite(2, '12:00', '13:00'), /000000000002\.ndjson\.gz: its header was changed/],
] as const)
  test(`the reader in C# names ${what}`, async () => {
    await written()
    await change()
    await assert.rejects(run('dotnet', [program, segments]), { stderr: line })
  })

async function rewrite(number: number, from: string, to: string): Promise<void> {
  const text = gunzipSync(await readFile(fileOf(number))).toString()
  assert.ok(text.includes(from))
  await writeFile(fileOf(number), gzipSync(text.replace(from, to)))
}

test('docs/archive.md shows this reader', async () => {
  const shown = listCodeBlocks(await readFile(new URL('../../../docs/archive.md', import.meta.url), 'utf8'))
  const source = await readFile(join(PROJECT, 'Program.cs'), 'utf8')
  assert.ok(source.trimEnd().split('\n').length <= 50)
  assert.ok(
    shown.some(({ text }) => text === source),
    'copy Program.cs into docs/archive.md',
  )
})
