import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answers } from '../../packages/test-support/ports.ts'
import type { Broker } from './raw-client.ts'

/** Where Debian's package has the scripts themselves. Those on PATH switch to the user of the system service. */
const SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server'
export const INSTALL_HINT =
  'RabbitMQ is not installed, so it is not measured: sudo apt-get install --no-install-recommends ' +
  'rabbitmq-server (or pass --without-rabbitmq)'
const START_MS = 120_000
const USER = 'bench'
const PASSWORD = 'bench'

export interface RabbitMq {
  readonly version: string
  readonly pid: number
  readonly broker: Broker
  stop(): Promise<void>
}

export type QueueType = 'classic' | 'quorum'

export const rabbitMqInstalled = (): boolean => existsSync(SERVER)

/** The plugin's address of an existing queue (rabbitmq_amqp1_0, 3.x). */
export const queueAddress = (name: string): string => `/amq/queue/${name}`

/**
 * Starts RabbitMQ with its AMQP 1.0 plugin and these durable queues, with its own node, folder and ports on
 * loopback. It does not touch the system's service.
 */
export async function startRabbitMq(queues: Readonly<Record<string, QueueType>>): Promise<RabbitMq> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-rabbitmq-'))
  const [port = 0, mapper = 0, distribution = 0] = await freePorts(3)
  await mkdir(join(folder, 'log'))
  await writeFile(join(folder, 'plugins'), '[rabbitmq_amqp1_0].\n')
  await writeFile(join(folder, 'definitions.json'), JSON.stringify(buildDefinitions(queues)))
  await writeFile(
    join(folder, 'rabbitmq.conf'),
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      `load_definitions = ${join(folder, 'definitions.json')}`,
      'log.file.level = error',
      'disk_free_limit.absolute = 1GB',
    ].join('\n'),
  )
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    ERL_EPMD_PORT: String(mapper),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `bench-${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    // Nothing of the machine's own RabbitMQ.
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'none'),
  }
  // The port mapper of Erlang's nodes. A server that finds none would leave one of its own running.
  const epmd = spawn('epmd', ['-address', '127.0.0.1', '-port', String(mapper)], { stdio: 'ignore' })
  await until(() => answers(mapper))
  const server = spawn(SERVER, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  const stop = async (): Promise<void> => {
    await ended(server, 'SIGTERM')
    await ended(epmd, 'SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await until(async () => {
      if (server.exitCode !== null) throw new Error(`RabbitMQ did not start:\n${printed}`)
      return printed.includes('completed with') && (await answers(port))
    })
    return {
      version: /RabbitMQ (\d[\d.]*)/.exec(printed)?.[1] ?? 'of an unknown version',
      pid: Number(readFileSync(join(folder, 'pid'), 'utf8')),
      broker: { port, user: USER, password: PASSWORD, hostname: 'localhost' },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function buildDefinitions(queues: Readonly<Record<string, QueueType>>): unknown {
  return {
    vhosts: [{ name: '/' }],
    users: [{ name: USER, password: PASSWORD, tags: 'administrator' }],
    permissions: [{ user: USER, vhost: '/', configure: '.*', write: '.*', read: '.*' }],
    queues: Object.entries(queues).map(([name, type]) => ({
      name,
      vhost: '/',
      durable: true,
      auto_delete: false,
      arguments: { 'x-queue-type': type },
    })),
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await exited
  clearTimeout(timer)
}

/** All ports are taken before the first is released, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + START_MS; !(await condition()); ) {
    if (Date.now() > deadline) throw new Error(`RabbitMQ did not start in ${START_MS / 1000} s`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}
