import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { lockFolder } from '../../kit/data-lock.ts'
import { announceCloud, checkTopology, findCloud, readyCloud, withdrawCloud } from '../running-cloud.ts'

describe('the announcement of a cloud in its data folder', () => {
  const ready = {
    settings: { CosmosConnection: 'a' },
    topology: { databases: [], eventHubs: [], blobContainers: ['checkpoints'] },
  }
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-running-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is ignored if nobody or another process has the folder', async () => {
    await announceCloud(folder, ready)
    assert.equal(await readyCloud(folder), undefined)
    assert.equal(await findCloud(folder), undefined)
    const other = spawn('sleep', ['60'])
    await writeFile(join(folder, 'lock'), `${other.pid}\n`)
    assert.equal(await readyCloud(folder), undefined)
    other.kill('SIGKILL')
    await once(other, 'exit')
    assert.equal(await findCloud(folder), undefined)
  })

  it('is ignored if it is half written', async () => {
    const unlock = await lockFolder(folder)
    await writeFile(join(folder, 'cloud.json'), '{"pid":')
    assert.equal(await readyCloud(folder), undefined)
    await unlock()
  })

  it('is compared with the present topology, and a changed one is refused in one line', async () => {
    const file = join(folder, 'topology.json')
    await writeFile(file, JSON.stringify(ready.topology))
    await checkTopology({ pid: 1, ...ready }, file)
    await writeFile(file, JSON.stringify({ ...ready.topology, blobContainers: ['checkpoints', 'archive'] }))
    await assert.rejects(checkTopology({ pid: 1, ...ready }, file), {
      name: 'StartError',
      message: /process 1.*restart it$/,
    })
  })

  it('does not exist for a folder that does not exist', async () => {
    await writeFile(join(folder, 'file'), '')
    assert.equal(await findCloud(join(folder, 'file')), undefined)
    assert.equal(await findCloud(join(folder, 'none')), undefined)
  })

  it('is awaited while the cloud starts, and is gone when it ends', async () => {
    const unlock = await lockFolder(folder)
    const found = findCloud(folder)
    await announceCloud(folder, ready)
    assert.deepEqual(await found, { pid: process.pid, ...ready })
    await withdrawCloud(folder)
    assert.equal(await readyCloud(folder), undefined)
    await unlock()
    assert.equal(await findCloud(folder), undefined)
  })
})
