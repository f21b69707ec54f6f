import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { keyFile } from '../key-file.ts'

describe('the key file of a local cloud', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-key-file-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('is made once with 256 random bits, which no other user can read, and is never replaced', async () => {
    const data = join(folder, 'data')
    const [file, same] = await Promise.all([keyFile(data), keyFile(data)])
    assert.equal(same, file)
    const text = await readFile(file, 'utf8')
    assert.match(text, /^[\w-]{43}$/)
    const readMode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777
    if (process.platform !== 'win32') assert.deepEqual([await readMode(data), await readMode(file)], [0o700, 0o600])
    await chmod(file, 0o644)
    await keyFile(data)
    assert.equal(await readFile(file, 'utf8'), text)
    // Whoever opened it stays visible: the services refuse it.
    if (process.platform !== 'win32') assert.equal(await readMode(file), 0o644)
    assert.notEqual(await readFile(await keyFile(join(folder, 'other')), 'utf8'), text)
  })
})
