import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, glob, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { StartError } from '../../packages/kit/errors.ts'
import { LOOPBACK } from '../../packages/kit/listen.ts'
import { freePort } from '../../packages/test-support/ports.ts'

/** Where Debian has a version's programs, which are not on PATH. */
const DEBIAN = '/usr/lib/postgresql/*/bin'
const NOT_INSTALLED =
  'PostgreSQL is not installed, so the peer cannot be measured: sudo apt-get install --no-install-recommends postgresql'
const START_MS = 60_000
const STOP_MS = 30_000
const READY = 'ready to accept connections'

const run = promisify(execFile)

/** The owner of the cluster, since PostgreSQL refuses to run as root. */
interface Owner {
  readonly uid?: number
  readonly gid?: number
}

export interface PostgreSql {
  readonly connectionString: string
  /** Ends it and removes its data. */
  remove(): Promise<void>
}

/** The folder of PostgreSQL's programs. @throws StartError that names the package if there are none. */
export async function findPostgreSql(): Promise<string> {
  const debian: string[] = []
  for await (const folder of glob(DEBIAN)) debian.push(folder)
  const newestFirst = debian.toSorted((a, b) => b.localeCompare(a, undefined, { numeric: true }))
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...newestFirst]) {
    const [initdb, postgres] = await Promise.all([answers(join(folder, 'initdb')), answers(join(folder, 'postgres'))])
    if (initdb && postgres) return folder
  }
  throw new StartError(NOT_INSTALLED)
}

/** Such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`. */
export async function readVersion(programs: string): Promise<string> {
  return (await run(join(programs, 'postgres'), ['--version'])).stdout.trim()
}

/**
 * A cluster of its own in the temporary folder, with PostgreSQL's defaults, on a free port of loopback. The
 * machine's own is not touched.
 */
export async function startPostgreSql(programs: string): Promise<PostgreSql> {
  const owner = await findOwner()
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-postgresql-'))
  let server: ChildProcess | undefined
  const remove = async (): Promise<void> => {
    if (server) await ended(server)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    if (owner.uid !== undefined) await chown(folder, owner.uid, owner.gid ?? owner.uid)
    const data = join(folder, 'data')
    const as = { ...owner, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } }
    await run(join(programs, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8'], as)
    // Acknowledged data must be on disk, as with Tidemark.
    for (const setting of ['fsync', 'synchronous_commit', 'full_page_writes'])
      if ((await run(join(programs, 'postgres'), ['-C', setting, '-D', data], as)).stdout.trim() !== 'on')
        throw new Error(`${setting} of PostgreSQL is not on`)
    const port = await freePort()
    const options = ['-D', data, '-h', LOOPBACK, '-p', String(port), '-c', 'unix_socket_directories=']
    // In a process group of its own, so that a Ctrl-C in the terminal reaches only the benchmark.
    server = spawn(join(programs, 'postgres'), options, { ...as, detached: true, stdio: ['ignore', 'ignore', 'pipe'] })
    await ready(server)
    return { connectionString: `postgresql://bench@${LOOPBACK}:${port}/postgres`, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

async function answers(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  )
}

async function findOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody'])
    try {
      const [uid, gid] = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, name])))
      return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) }
    } catch {
      // There is no such user, so try the next.
    }
  throw new StartError('PostgreSQL does not run as root, and there is neither a user postgres nor nobody')
}

async function ready(server: ChildProcess): Promise<void> {
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => reject(new StartError(`PostgreSQL did not start: ${why}\n${printed}`))
    const timer = setTimeout(fail, START_MS, `not in ${START_MS / 1000} s`)
    server.once('error', (error) => fail(error.message))
    server.once('exit', (code) => fail(`it ended with code ${code}`))
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      if (!printed.includes(READY)) return
      clearTimeout(timer)
      resolve()
    })
  })
}

/** SIGINT is its fast shutdown, which does not wait for clients. */
async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return
  const exited = once(server, 'exit')
  server.kill('SIGINT')
  const timer = setTimeout(() => server.kill('SIGQUIT'), STOP_MS)
  await exited
  clearTimeout(timer)
}
