import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { startChild } from '../../kit/child.ts'
import { StartError } from '../../kit/errors.ts'
import { EMULATOR_KEY } from '../../test-support/cosmos.ts'
import { Store } from '../store/store.ts'
import { MAIN, readPort, startEmulator, temporaryFolder } from './emulator.ts'
import { newContainer } from './support.ts'

async function newFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return folder.path
}

const refused = (promise: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(promise, (error: Error) => {
    assert.ok(error instanceof StartError)
    assert.match(error.message, message)
    assert.ok(!error.message.includes('\n'))
    return true
  })

test('a port in use is refused in one line that names the setting', async (t) => {
  const first = await startEmulator(await newFolder(t))
  t.after(() => first.stop())
  await refused(startEmulator(await newFolder(t), readPort(first)), /port \d+ is in use: .*--port/)
})

test('an invalid port is refused', async (t) => {
  await refused(startEmulator(await newFolder(t), 65_536), /COSMOS_EMULATOR_PORT/)
})

test('a second process on a data folder is refused until the first is stopped or killed', async (t) => {
  const folder = await newFolder(t)
  const first = await startEmulator(folder)
  t.after(() => first.stop())
  await refused(startEmulator(folder), new RegExp(`in use by process ${first.pid}`))
  first.kill('SIGKILL')
  await first.exited
  const second = await startEmulator(folder)
  await second.stop()
  await assert.rejects(stat(join(folder, 'lock')), { code: 'ENOENT' })
  const third = await startEmulator(folder)
  await third.stop()
})

test('an unusable data folder or file is refused in one line and left unchanged', async (t) => {
  const folder = await newFolder(t)
  await writeFile(join(folder, 'file'), 'a file')
  await refused(startEmulator(join(folder, 'file')), /the data folder .* cannot be written/)
  await writeFile(join(folder, 'cosmos.sqlite'), 'no database, but long enough to be taken for one'.repeat(100))
  await refused(startEmulator(folder), /the data folder .* cannot be used: .* is damaged, file is not a database/)
  assert.match(await readFile(join(folder, 'cosmos.sqlite'), 'utf8'), /^no database/)
})

test('data of a newer version is refused and not touched', async (t) => {
  const folder = await newFolder(t)
  const data = new DatabaseSync(join(folder, 'cosmos.sqlite'))
  data.exec('PRAGMA user_version = 99')
  data.close()
  await refused(startEmulator(folder), /newer version \(99\)/)
})

/** Prints the settings of every connection of a process to a data file. */
const PRELOAD = `
  import { DatabaseSync } from 'node:sqlite'
  const { exec } = DatabaseSync.prototype
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, sql)
    if (/synchronous/.test(sql)) console.log('synchronous', this.prepare('PRAGMA synchronous').get().synchronous)
  }`

test('commits wait for the disk unless COSMOS_EMULATOR_FAST is set; a wrong value is refused by name', async (t) => {
  const synchronous = async (COSMOS_EMULATOR_FAST: string): Promise<string> => {
    let output = ''
    const env = { COSMOS_EMULATOR_PORT: '0', COSMOS_EMULATOR_DATA: await newFolder(t), COSMOS_EMULATOR_FAST }
    const child = await startChild('cosmos', MAIN, env, {
      execArgv: ['--import', `data:text/javascript,${encodeURIComponent(PRELOAD)}`],
      onOutput: (text) => {
        output += text
      },
    })
    await child.stop()
    return output
  }
  // https://sqlite.org/pragma.html#pragma_synchronous: FULL and OFF.
  for (const [setting, level] of [
    ['', 2],
    ['0', 2],
    ['1', 0],
  ])
    assert.match(await synchronous(String(setting)), new RegExp(`^synchronous ${level}$`, 'm'))
  await refused(synchronous('yes'), /COSMOS_EMULATOR_FAST is "yes": set it to 1 or 0/)
})

test('an orderly stop acknowledges accepted writes, ends idle connections and exits with 0', async (t) => {
  const folder = await newFolder(t)
  const child = await startEmulator(folder)
  const target = { endpoint: child.address, key: EMULATOR_KEY, stop: () => child.stop() }
  const container = await newContainer(t, target)
  let acknowledged = 0
  const writing = (async () => {
    for (;;) {
      try {
        await container.items.create({ id: String(acknowledged), pk: 'a' })
      } catch {
        return
      }
      acknowledged += 1
      if (acknowledged === 50) child.kill('SIGTERM')
    }
  })()
  await writing
  assert.equal(await child.exited, 'ended with code 0')
  const again = await startEmulator(folder, readPort(child))
  t.after(() => again.stop())
  const { resources } = await container.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
  assert.ok(resources[0] >= acknowledged && acknowledged >= 50, `${resources[0]} of ${acknowledged}`)
})

/** Fills a file of limited size, one commit after another, and prints what was acknowledged. */
const FILL = `
  const { Store } = await import(process.env.STORE)
  const store = new Store(process.env.FOLDER)
  store.prepare('PRAGMA max_page_count = 60').get()
  for (let n = 0; ; n++) {
    await store.write(() => {
      store.prepare('INSERT INTO databases (id, ts, etag) VALUES (?, 0, ?)').run(String(n), 'x'.repeat(3000))
    })
    process.stdout.write(n + ' ')
  }
`

test('a full disk is never acknowledged: the process ends with one line, and acknowledged writes remain', async (t) => {
  const folder = await newFolder(t)
  const STORE = new URL('../store/store.ts', import.meta.url).href
  const child = spawn(process.execPath, ['--input-type=module', '-e', FILL], {
    env: { ...process.env, STORE, FOLDER: folder },
  })
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  assert.equal(child.exitCode, 1)
  assert.match(err, /^[^\n]*full[^\n]*\n?$/)
  const store = new Store(folder)
  t.after(() => store.close())
  const ids = store
    .prepare('SELECT id FROM databases ORDER BY number')
    .all()
    .map(({ id }) => id)
  assert.deepEqual(ids, out.trim().split(' '))
})

test('writes of one turn share a commit, and a failed one undoes only its own changes', async (t) => {
  const store = new Store(await newFolder(t))
  t.after(() => store.close())
  const insert = (id: string): void => {
    store.prepare("INSERT INTO databases (id, ts, etag) VALUES (?, 0, '')").run(id)
  }
  const before = store.lsn
  const settled = await Promise.allSettled([
    store.write(() => insert('a')),
    store.write(() => {
      insert('b')
      throw new Error('no')
    }),
    store.write((lsn) => {
      insert('c')
      return lsn
    }),
  ])
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  const ids = store
    .prepare('SELECT id FROM databases ORDER BY number')
    .all()
    .map(({ id }) => id)
  assert.deepEqual(ids, ['a', 'c'])
  assert.equal(store.lsn, before + 2)
})

test('numbers of writes and items are never reused: a kill skips some, an orderly stop none', async (t) => {
  const folder = await newFolder(t)
  const killed = new Store(folder)
  t.after(() => killed.close())
  const item = await killed.write(() => killed.nextItemNumber())
  // The files that a kill leaves.
  const left = await newFolder(t)
  await cp(folder, left, { recursive: true })
  const again = new Store(left)
  assert.ok(again.lsn > killed.lsn)
  const next = await again.write((lsn) => ({ lsn, item: again.nextItemNumber() }))
  assert.ok(next.lsn > killed.lsn + 1 && next.item > item + 1)
  again.close()
  const last = new Store(left)
  t.after(() => last.close())
  assert.equal(last.lsn, next.lsn)
  assert.equal(await last.write(() => last.nextItemNumber()), next.item + 1)
})
