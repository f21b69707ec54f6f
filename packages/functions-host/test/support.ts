import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../../kit/child.ts'
import { FAST_RECOVERY } from '../../kit/fast-recovery.ts'
import { answers } from '../../test-support/ports.ts'
import { until } from '../../test-support/wait.ts'

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url))

export type Cleanup = (release: () => void | Promise<void>) => void

/** Releases in reverse order. @param after the `after` of a test's context, or of a whole file. */
export function cleanups(after: (release: () => Promise<void>) => void): Cleanup {
  const releases: (() => void | Promise<void>)[] = []
  after(async () => {
    for (const release of releases.reverse()) await release()
  })
  return (release) => releases.push(release)
}

const cleanupsByTest = new WeakMap<TestContext, Cleanup>()

/** Returns the cleanup of a test: always the same one, so that all is released in order. */
export function testCleanup(t: TestContext): Cleanup {
  const known = cleanupsByTest.get(t) ?? cleanups((release) => t.after(release))
  cleanupsByTest.set(t, known)
  return known
}

/** Creates a data folder, which is removed at the end. */
export function dataFolder(cleanup: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-host-'))
  cleanup(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  return folder
}

/** A function app as `npm run build` creates it. It is inside the project, so that it finds its dependencies. */
export class TestApp {
  readonly root: string
  /** File of the lines that the functions write with `out`. */
  readonly #out: string

  constructor(cleanup: Cleanup, functions: string, hostJson: object = {}) {
    const folder = join(PROJECT, '.tidemark')
    mkdirSync(folder, { recursive: true })
    this.root = mkdtempSync(join(folder, 'test-app-'))
    cleanup(() => rmSync(this.root, { recursive: true, force: true, maxRetries: 5 }))
    this.#out = join(this.root, 'out.jsonl')
    this.write('package.json', JSON.stringify({ type: 'module', main: 'functions/*.js' }))
    this.write('host.json', JSON.stringify({ version: '2.0', ...hostJson }))
    this.write('functions/app.js', `${PRELUDE}\n${functions}`)
  }

  write(file: string, text: string): void {
    const path = join(this.root, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }

  /** Opens a gate of the functions, which wait for this file. */
  open(gate: string): void {
    this.write(gate, '')
  }

  close(gate: string): void {
    rmSync(join(this.root, gate))
  }

  // biome-ignore lint/suspicious/noExplicitAny: the tests compare the lines field by field.
  lines(): any[] {
    if (!existsSync(this.#out)) return []
    const text = readFileSync(this.#out, 'utf8')
    // The last line may be half written.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }

  get env(): Record<string, string> {
    return { FUNCTIONS_HOST_FOLDER: this.root, APP_ROOT: this.root, OUT: this.#out }
  }
}

/** Helpers of the test functions: `out` writes a line, `gate` waits for a file in the app's folder. */
const PRELUDE = `
import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { app } from '@azure/functions'
const out = (line) => appendFileSync(process.env.OUT, JSON.stringify(line) + '\\n')
const isOpen = (gate) => existsSync(process.env.APP_ROOT + '/' + gate)
const gate = async (name) => { while (!isOpen(name)) await delay(10) }
`

/** With these settings, claims of a killed host expire after seconds. */
const QUICK = {
  ...FAST_RECOVERY,
  AzureFunctionsJobHost__extensions__eventHubs__partitionOwnershipExpirationInterval: '00:00:02',
  AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval: '00:00:00.200',
}

/** Starts the host as a process on a free port. Its log is silent unless a test sets a level. */
export async function startHost(
  cleanup: Cleanup,
  app: TestApp,
  settings: Record<string, string> = {},
  onOutput?: (text: string) => void,
): Promise<Child> {
  const env = { FUNCTIONS_HOST_PORT: '0', FUNCTIONS_HOST_LOG_LEVEL: 'none', ...QUICK, ...app.env, ...settings }
  const main = join(PROJECT, 'packages/functions-host/main.ts')
  const host = await startChild('host', main, env, onOutput ? { onOutput } : {})
  cleanup(() => host.stop())
  return host
}

/** Settings of a host whose time of day is shifted by `seconds`. */
export function shiftedBy(seconds: number): Record<string, string> {
  const preload = new URL('./shifted-clock.ts', import.meta.url)
  return { NODE_OPTIONS: `--import=${preload}`, TIDEMARK_TEST_CLOCK_SHIFT_S: String(seconds) }
}

/** Waits until a host ends on its own. @returns how it ended. */
export async function waitForEnd(host: Child): Promise<string> {
  let how: string | undefined
  void host.exited.then((description) => {
    how = description
  })
  return until('the end of the host', () => how)
}

/**
 * Settles when a host has begun to stop: its port is closed then. It checks with new connections, because the
 * host still answers kept-alive ones, and the time for requests in flight would run out.
 */
export async function untilStopping(host: Child): Promise<void> {
  const port = Number(new URL(host.address).port)
  await until('the closed port', async () => !(await answers(port)))
}

/** Starts the blob emulator. The connection string is that of AzureWebJobsStorage. */
export async function startBlobs(
  cleanup: Cleanup,
  dataDir: string,
  port = '0',
): Promise<{ child: Child; connection: string; port: string }> {
  const child = await startChild(
    'blobs',
    join(PROJECT, 'packages/local-cloud/azurite.ts'),
    {},
    {
      args: [`--port=${port}`, `--data=${join(dataDir, 'blob')}`],
    },
  )
  cleanup(() => child.stop())
  const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
  const connection =
    `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${key};` +
    `BlobEndpoint=${child.address}/devstoreaccount1;`
  return { child, connection, port: new URL(child.address).port }
}

/** Starts the Event Hubs emulator. Hubs have one partition unless given as `name:partitions`. */
export async function startHubs(
  cleanup: Cleanup,
  dataDir: string,
  hubs: readonly string[],
  port = '0',
): Promise<{ child: Child; connection: string; port: string }> {
  const file = join(dataDir, 'hubs.json')
  const settings = hubs.map((hub) => {
    const [name, partitions = '1'] = hub.split(':')
    return { name, partitions: Number(partitions), consumerGroups: ['view'] }
  })
  writeFileSync(file, JSON.stringify({ hubs: settings }))
  const child = await startChild('event hubs', join(PROJECT, 'packages/event-hubs/main.ts'), {
    EVENT_HUBS_EMULATOR_PORT: port,
    EVENT_HUBS_EMULATOR_DATA: join(dataDir, 'eventhubs'),
    EVENT_HUBS_EMULATOR_CONFIG: file,
  })
  cleanup(() => child.stop())
  const used = new URL(child.address).port
  const key = 'SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE'
  return { child, connection: `Endpoint=sb://localhost:${used};${key};UseDevelopmentEmulator=true;`, port: used }
}

const COSMOS_KEY = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=='

/** Starts the Cosmos DB emulator. The connection string is that of CosmosConnection. */
export async function startCosmos(
  cleanup: Cleanup,
  dataDir: string,
  port = '0',
): Promise<{ child: Child; connection: string; port: string }> {
  const child = await startChild('cosmos db', join(PROJECT, 'packages/cosmos/main.ts'), {
    COSMOS_EMULATOR_PORT: port,
    COSMOS_EMULATOR_DATA: join(dataDir, 'cosmos'),
  })
  cleanup(() => child.stop())
  const { host, port: used } = new URL(child.address)
  return { child, connection: `AccountEndpoint=http://${host}/;AccountKey=${COSMOS_KEY};`, port: used }
}
