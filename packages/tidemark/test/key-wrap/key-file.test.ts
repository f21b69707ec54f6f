import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { KeyFileWrap } from '../../key-wrap/key-file.ts'

describe('keys wrapped by the key in a file', () => {
  const key = randomBytes(32)
  let folder: string
  let file: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-key-file-'))
    file = await write('personal-keys')
  })
  after(() => rm(folder, { recursive: true, force: true }))
  const write = async (name: string, text = randomBytes(32).toString('base64url'), mode = 0o600): Promise<string> => {
    const path = join(folder, name)
    await writeFile(path, text, { mode })
    return path
  }

  it('are not made while others may read the file, and are once they may not', {
    skip: process.platform === 'win32',
  }, async () => {
    const open = await write('open')
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(open, mode)
      const wrap = new KeyFileWrap(open, 'ordering')
      await assert.rejects(wrap.wrap(key), {
        code: 'keys-refused',
        message: `PersonalKeys: others may read ${open}: chmod 600 ${open}`,
      })
      await chmod(open, 0o600)
      assert.match(await wrap.wrap(key), /^file:/)
    }
  })

  it('are not made without a file that holds a key, and the text of the file is not shown', async () => {
    const missing = new KeyFileWrap(join(folder, 'none'), 'ordering')
    await assert.rejects(missing.wrap(key), { code: 'keys-refused', message: /none cannot be read: ENOENT/ })
    for (const text of ['', 'hidden', `${'hidden'.repeat(8)}`]) {
      const wrong = new KeyFileWrap(await write('wrong', text), 'ordering')
      await assert.rejects(wrong.wrap(key), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'keys-refused')
        assert.match(error.message, /does not hold 256 bits in base64url$/)
        assert.doesNotMatch(error.message, /hidden/)
        return true
      })
    }
  })

  it('are not opened if they were changed or shortened, or are of another service or file', async () => {
    const wrapped = await new KeyFileWrap(file, 'ordering').wrap(key)
    const [by = '', text = ''] = wrapped.split(' ')
    const unreadable = { code: 'personal-unreadable' }
    const sealed = Buffer.from(text, 'base64')
    const changed = [0, 12, sealed.length - 1].map((at) => {
      const copy = Buffer.from(sealed)
      copy[at] = (copy[at] ?? 0) ^ 1
      return copy
    })
    const shortened = [sealed.subarray(0, 28), sealed.subarray(0, -1), sealed.subarray(0, 4), Buffer.of()]
    for (const bytes of [...changed, ...shortened])
      await assert.rejects(new KeyFileWrap(file, 'ordering').unwrap(`${by} ${bytes.toString('base64')}`), unreadable)
    await assert.rejects(new KeyFileWrap(file, 'payments').unwrap(wrapped), unreadable)
    const other = new KeyFileWrap(await write('other'), 'ordering')
    await assert.rejects(other.unwrap(wrapped), { ...unreadable, message: /another key .* file:[0-9a-f]{16}; restore/ })
  })

  it('open with the same file, never look the same twice, and do not contain the key', async () => {
    const wrap = new KeyFileWrap(file, 'ordering')
    const all = await Promise.all(Array.from({ length: 20 }, () => wrap.wrap(key)))
    assert.equal(new Set(all).size, 20)
    for (const each of all) {
      assert.deepEqual(Buffer.from(await new KeyFileWrap(file, 'ordering').unwrap(each)), key)
      assert.ok(!Buffer.from(each.split(' ')[1] ?? '', 'base64').includes(key))
    }
  })
})
