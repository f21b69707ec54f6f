import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { until } from '../../test-support/wait.ts'
import { lockFolder } from '../data-lock.ts'

describe('the lock of a data folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-lock-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('excludes others until it is released', async () => {
    const unlock = await lockFolder(folder)
    await assert.rejects(lockFolder(folder), {
      name: 'StartError',
      message: new RegExp(`in use by process ${process.pid}`),
    })
    await unlock()
    await (await lockFolder(folder))()
  })

  it('of a running process is refused, naming the process', async () => {
    const other = spawn('sleep', ['60'])
    await writeFile(join(folder, 'lock'), `${other.pid}\n`)
    await assert.rejects(lockFolder(folder), {
      name: 'StartError',
      message: new RegExp(`in use by process ${other.pid}`),
    })
    other.kill('SIGKILL')
    await once(other, 'exit')
    await (await lockFolder(folder))()
  })

  it('of an ended process that its parent has not reaped is taken over', async () => {
    // The shell becomes a sleep, which never reaps the ended child.
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'])
    const [output] = await once(parent.stdout, 'data')
    const zombie = Number(String(output))
    try {
      await writeFile(join(folder, 'lock'), `${zombie}\n`)
      // The lock is valid until the child has ended.
      const unlock = await until('its lock to be taken over', () => lockFolder(folder).catch(() => undefined))
      await unlock()
    } finally {
      parent.kill('SIGKILL')
    }
  })

  it('without a valid process is taken over', async () => {
    for (const text of ['', 'nonsense', '-1', '0', '99999999']) {
      await writeFile(join(folder, 'lock'), text)
      await (await lockFolder(folder))()
    }
  })

  it('of a folder that cannot be written is refused, naming the folder', async () => {
    const file = join(folder, 'file')
    await writeFile(file, '')
    await assert.rejects(lockFolder(join(file, 'data')), { name: 'StartError', message: new RegExp(file) })
  })
})
