import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { type Child, startChild } from '../../kit/child.ts'
import { emulatorKey } from '../../kit/emulator-keys.ts'

const ACCOUNT = 'devstoreaccount1'

describe('the blobs of the local cloud', () => {
  let folder: string
  let blobs: Child
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-blobs-'))
    blobs = await startChild(
      'blobs',
      fileURLToPath(new URL('../azurite.ts', import.meta.url)),
      {},
      { args: ['--port=0', `--data=${folder}`] },
    )
  })
  after(async () => {
    await blobs.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('are served to clients', async () => {
    const credential = new StorageSharedKeyCredential(ACCOUNT, emulatorKey('blob', undefined))
    const client = new BlobServiceClient(`${blobs.address}/${ACCOUNT}`, credential)
    assert.equal((await client.getContainerClient('container').create())._response.status, 201)
  })

  it('are refused to a foreign page, with its own host name or its own origin', async () => {
    const { host } = new URL(blobs.address)
    const ask = async (headers: Record<string, string>): Promise<[number | undefined, string]> => {
      const sent = request(`${blobs.address}/${ACCOUNT}/container?restype=container`, { headers })
      sent.end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      return [answer.statusCode, await text(answer)]
    }
    for (const headers of [{ host: 'evil.example' }, { host: `${ACCOUNT}.blob.evil.example` }]) {
      const [status, body] = await ask(headers)
      assert.deepEqual([status, JSON.parse(body).code], [403, 'foreign-host'])
    }
    const [status, body] = await ask({ host, origin: 'https://evil.example' })
    assert.deepEqual([status, JSON.parse(body).code], [403, 'foreign-origin'])
    // Azurite's own refusal, because the request is not signed.
    assert.match((await ask({ host }))[1], /^<\?xml/)
  })
})
