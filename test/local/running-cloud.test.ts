import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { lockFolder } from '../../local/kit/data-lock.ts'
import { announceCloud, findCloud, readyCloud, withdrawCloud } from '../../local/running-cloud.ts'

describe('what a cloud says of itself in its data folder', () => {
  const settings = { CosmosConnection: 'a' }
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-running-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is not believed where nobody has the folder, or another process has it', async () => {
    await announceCloud(folder, settings)
    assert.equal(await readyCloud(folder), undefined)
    assert.equal(await findCloud(folder), undefined)
    const other = spawn('sleep', ['60'])
    await writeFile(join(folder, 'lock'), `${other.pid}\n`)
    assert.equal(await readyCloud(folder), undefined)
    other.kill('SIGKILL')
    await once(other, 'exit')
    assert.equal(await findCloud(folder), undefined)
  })

  it('is not believed when it is half written', async () => {
    const unlock = await lockFolder(folder)
    await writeFile(join(folder, 'cloud.json'), '{"pid":')
    assert.equal(await readyCloud(folder), undefined)
    await unlock()
  })

  it('of a folder that cannot be is nothing', async () => {
    await writeFile(join(folder, 'file'), '')
    assert.equal(await findCloud(join(folder, 'file')), undefined)
    assert.equal(await findCloud(join(folder, 'none')), undefined)
  })

  it('is waited for while the cloud starts, and is gone when it ends', async () => {
    const unlock = await lockFolder(folder)
    const found = findCloud(folder)
    await announceCloud(folder, settings)
    assert.deepEqual(await found, { pid: process.pid, settings })
    await withdrawCloud(folder)
    assert.equal(await readyCloud(folder), undefined)
    await unlock()
    assert.equal(await findCloud(folder), undefined)
  })
})
