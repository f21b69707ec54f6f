import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { BlobServiceClient } from '@azure/storage-blob'
import { startBlobs } from '../../../functions-host/test/support.ts'
import { BlobArchive } from '../../blobs/archive.ts'
import { MemoryArchive } from '../../memory/archive.ts'
import { archiveSuite } from './archive-suite.ts'

archiveSuite('memory', async () => new MemoryArchive())

let connectionString = ''
let service: BlobServiceClient
const ends: (() => Promise<unknown> | unknown)[] = []
before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'archive-'))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  connectionString = (await startBlobs((end) => void ends.unshift(end), folder)).connection
  service = BlobServiceClient.fromConnectionString(connectionString)
})
after(async () => {
  for (const end of ends) await end()
})

async function create(): Promise<BlobArchive> {
  const name = `archive-${randomUUID()}`
  await service.createContainer(name)
  return new BlobArchive({ connectionString }, name)
}

archiveSuite('blobs', create)

test('an archive without its container says which one to provision', async () => {
  const archive = new BlobArchive({ connectionString }, 'archive-nobody')
  const missing = { code: 'container-missing', message: /archive-nobody/ }
  await assert.rejects(archive.create(1, Uint8Array.of(1)), missing)
  await assert.rejects(archive.read(1), missing)
  await assert.rejects(async () => {
    for await (const { number } of archive.list(0)) assert.fail(`segment ${number}`)
  }, missing)
})

test('an archive that nobody answers for leaves the outcome of a write open', async () => {
  const nobody = connectionString.replace(/BlobEndpoint=http:\/\/[^/]+/, 'BlobEndpoint=http://127.0.0.1:1')
  const archive = new BlobArchive({ connectionString: nobody }, 'archive-nobody')
  await assert.rejects(archive.create(1, Uint8Array.of(1)), { code: 'outcome-unknown' })
  await assert.rejects(archive.read(1), { code: 'unavailable' })
  await assert.rejects(archive.has(1), { code: 'unavailable' })
})
