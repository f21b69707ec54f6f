import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Container } from '@azure/cosmos'
import { BlobServiceClient } from '@azure/storage-blob'
import { openArchive } from 'tidemark/archive'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import { Command, endedWhile } from '../../packages/test-support/command.ts'
import { listCodeBlocks } from '../../packages/test-support/documented-code.ts'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const runbooks = readFileSync(`${ROOT}docs/restore.md`, 'utf8')
const VIEWS = ['payment', 'takings']
const PAYMENT = { method: 'transfer', withinSeconds: 3_600 }
const LINES = [{ sku: 'tea', quantity: 1, unitPrice: 450 }]

let system: System
let commands = 0
/** Two orders: the first is paid, the other has a deadline. */
const orders: string[] = []
const authorisedBy = randomUUID()
const repeatedBy = randomUUID()

before(async () => {
  system = await System.cloudAlone()
  await startHost('ordering', 'inventory', 'payments')
  await system.createClient('inventory').post('/stock/tea/receive', { quantity: 100 }, {})
  for (let count = 0; count < 2; count += 1) {
    const { body } = await system.client.post('/orders', { ...placeBody, lines: LINES, payment: PAYMENT }, {})
    orders.push(String(body.id))
  }
  for (const id of orders) await until(`the deadline of ${id}`, () => system.isExpiryScheduled(id))
})
after(() => system.remove())

const startHost = (...services: readonly string[]) =>
  system.startHost({ services, preload: { env: { TIDEMARK_ARCHIVE_SECONDS: '1' } } })
const open = (name: string): Container => system.openContainer('payments', name)

async function authorise(key: string) {
  const [id] = orders
  const headers = { 'idempotency-key': key }
  const { status, body } = await system
    .createClient('payments')
    .post(`/payments/${id}/authorise`, { reference: 'bank' }, headers)
  return { status, body }
}

/** The items of the log, without what the store adds. */
async function readLog(): Promise<readonly string[]> {
  const items = await readRawLog(open('events'))
  return items.map(({ _rid, _self, _etag, _attachments, _ts, ...item }) => JSON.stringify(item)).toSorted()
}

/** The documents that queries read. */
async function readViews(): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const entries = VIEWS.map(async (view) => {
    const { resources } = await open(view)
      .items.query('SELECT c.key, c.document, c.generation FROM c WHERE c.kind = "document" ORDER BY c.key')
      .fetchAll()
    const live = Math.max(...resources.map(({ generation }) => generation))
    const its = resources.filter(({ generation, document }) => generation === live && document !== undefined)
    return [view, its.map(({ key, document }) => ({ key, document }))] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

async function readSchedule(): Promise<readonly string[]> {
  const { resources } = await open('schedule').items.readAll().fetchAll()
  return resources.map(({ stream, key, due, command }) => JSON.stringify({ stream, key, due, command })).toSorted()
}

/** Removes every item of a container, as somebody does who has all rights. */
async function empty(container: Container): Promise<void> {
  const { resource } = await container.read()
  const [path = ''] = resource?.partitionKey?.paths ?? []
  const { resources } = await container.items.readAll().fetchAll()
  for (const item of resources) await container.item(String(item.id), item[path.slice(1)]).delete()
}

/** Deletes the log's container and makes it again, empty, as `azd provision` does. */
async function loseLog(): Promise<void> {
  const log = open('events')
  const { resource } = await log.read()
  assert.ok(resource)
  const { id, partitionKey, indexingPolicy, uniqueKeyPolicy } = resource
  await log.delete()
  await log.database.containers.create({
    id,
    ...(partitionKey ? { partitionKey } : {}),
    ...(indexingPolicy ? { indexingPolicy } : {}),
    ...(uniqueKeyPolicy ? { uniqueKeyPolicy } : {}),
  })
}

const environment = (): NodeJS.ProcessEnv => {
  const { http, blob, eventHubs, cosmos } = system.ports
  return {
    ...{ TIDEMARK_HTTP_PORT: String(http), TIDEMARK_BLOB_PORT: String(blob), TIDEMARK_DATA: system.dataDir },
    ...{ TIDEMARK_EVENTHUBS_PORT: String(eventHubs), TIDEMARK_COSMOS_PORT: String(cosmos) },
  }
}

/** The commands of a runbook, as docs/restore.md has them. */
function runbook(title: string): readonly string[] {
  const [, section = ''] = runbooks.split(`\n## ${title}\n`)
  const [own = ''] = section.split('\n## ')
  const lines = listCodeBlocks(own).flatMap(({ info, text }) => (info === 'sh' ? text.trim().split('\n') : []))
  assert.ok(lines.length > 0, `docs/restore.md has no commands for: ${title}`)
  return lines
}

/** Runs a line of a runbook in a shell. @returns its output. It must end with code 0. */
function run(line: string): Promise<string> {
  commands += 1
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', line], { cwd: ROOT, env: { ...process.env, ...environment() } }, (error, out, err) => {
      if (error) reject(new Error(`${line}\n${out}\n${err}`))
      else resolve(out)
    })
  })
}

async function isArchived(): Promise<void> {
  const count = (await readLog()).length
  await until('the log to be archived', async () => {
    const archived = new Set<string>()
    for await (const { lines } of openArchive('payments', { connectionString: system.settings.ArchiveStorage ?? '' }))
      for (const line of lines) archived.add(line.toString())
    return archived.size >= count
  })
}

/** Makes the archive end before an event, as if that had been lost before it was archived. */
async function forgetInArchive(stream: string, version: number): Promise<void> {
  const connectionString = system.settings.ArchiveStorage ?? ''
  let first: number | undefined
  for await (const { header, lines } of openArchive('payments', { connectionString }))
    if (lines.map((line) => JSON.parse(line.toString())).some((item) => item.stream === stream && item.to === version))
      first ??= header.number
  assert.ok(first !== undefined && first > 1, `the archive has ${stream}@${version}`)
  const container = BlobServiceClient.fromConnectionString(connectionString).getContainerClient('archive-payments')
  const names: string[] = []
  for await (const { name } of container.listBlobsFlat()) names.push(name)
  for (const name of names.toSorted().slice(first - 1)) await container.deleteBlob(name)
}

/** An item without what a message does not tell, if only the hub has it. */
function withoutFingerprint(item: string): object {
  const { fingerprint, ...rest } = JSON.parse(item)
  return rest.stream === `payment-${orders[1]}` && rest.to === 2 ? rest : { ...rest, fingerprint }
}

async function stopHost(): Promise<void> {
  await system.host.stop()
}

describe('a service whose log is lost, with its views, leases and schedule,', () => {
  let [log, views, schedule]: [readonly string[], object, readonly string[]] = [[], {}, []]
  const answers: unknown[] = []

  before(async () => {
    answers.push(await authorise(authorisedBy), await authorise(repeatedBy))
    await system.untilStatus('payments', `/payments/${orders[0]}`, 'authorised')
    await until('one deadline', readSchedule, ({ length }) => length === 2)
    await isArchived()
    await stopHost()
    ;[log, views, schedule] = [await readLog(), await readViews(), await readSchedule()]
    for (const name of [...VIEWS, 'leases', 'schedule', 'progress']) await empty(open(name))
    await loseLog()
  })

  it('has a receipt in its log, so that a restore must bring one back', () => {
    assert.ok(log.some((item) => JSON.parse(item).id.startsWith('~')))
    assert.deepEqual(
      answers.map((answer) => (answer as { status: number }).status),
      [200, 200],
    )
  })

  it('is whole after a restore that was killed, and another one, by the runbook', async () => {
    const started = async (): Promise<Command> => {
      await loseLog()
      return new Command('packages/cli/tidemark.js', ['restore', 'payments', '--yes', '--stopped'], environment())
    }
    await endedWhile('an item', started, async () => (await readRawLog(open('events'))).length > 0, 'SIGKILL')
    const [plan = '', carryOut = '', ...more] = runbook('A log is lost')
    assert.match(await run(plan), /^archive +\d+ items in \d+ segments/m)
    assert.match(await run(carryOut), /^restored .*\nverified .*the log equals the archive\n/m)
    assert.deepEqual(await readLog(), log)
    assert.deepEqual(await readViews(), views)
    assert.deepEqual(more, [])
    const again = await Promise.all(runbook('The schedule is lost').map(run))
    assert.match(again.join(''), /^restored +nothing to do: the log is whole$/m)
    assert.match(again.join(''), /^schedule +[1-9]\d* events of ordering published again$/m)
    await startHost('payments')
  })

  it('answers old keys as before, and appends the next commit right after', async () => {
    assert.deepEqual([await authorise(authorisedBy), await authorise(repeatedBy)], answers)
    const id = orders[1]
    const { body } = await system.createClient('payments').post(`/payments/${id}/authorise`, { reference: 'bank' }, {})
    assert.equal(body.position, `payment-${id}@2`)
    await system.untilStatus('payments', `/payments/${id}`, 'authorised')
  })

  it('has its schedule again', async () => {
    assert.deepEqual(await until('the schedule', readSchedule, ({ length }) => length >= schedule.length), schedule)
  })
})

describe('a service whose log was restored to an earlier point', () => {
  it('is whole by the runbook, with an event that only the hub has, and a view that was ahead is rebuilt', async () => {
    await isArchived()
    await stopHost()
    const [log, views] = [await readLog(), await readViews()]
    await forgetInArchive(`payment-${orders[1]}`, 2)
    // The newest commit of each stream, and what has no version.
    for (const { id, stream, to } of await readRawLog(open('events')))
      if (to === undefined || Number(to) > 1) await open('events').item(String(id), String(stream)).delete()
    const left = (await readLog()).length
    assert.ok(left > 0 && left < log.length)
    // A view that has seen an event that is lost for good.
    const { resources } = await open('payment').items.query('SELECT * FROM c WHERE c.kind = "document"').fetchAll()
    for (const item of resources) {
      const ahead = { ...item.cursor, version: item.cursor.version + 1, hash: 'f'.repeat(64) }
      const document = { ...item.document, status: 'of an event that is lost' }
      await open('payment')
        .item(item.id, item.pk)
        .replace({ ...item, cursor: ahead, document })
    }
    assert.notDeepEqual(await readViews(), views)
    const [plan = '', ...more] = runbook('A log was restored to an earlier point')
    assert.match(
      await run(plan),
      /^hub +1 events are only in .*: payment-.*@2\n +1 of them stay lost.*\n +--from-hub /m,
    )
    for (const line of more) assert.match(await run(line), /^restored +[1-9]\d* items created, 1 commits of the hub, /m)
    const restored = await readLog()
    assert.deepEqual(restored.map(withoutFingerprint), log.map(withoutFingerprint))
    assert.deepEqual(await readViews(), views)
    assert.notDeepEqual(restored, log, 'one is of the hub')
  })
})

describe('a service', () => {
  it('has a lost view again, and publishes its log again for a lost hub, by the runbooks', async () => {
    const views = await readViews()
    await empty(open('payment'))
    assert.notDeepEqual(await readViews(), views)
    for (const line of runbook('A view is lost')) await run(line)
    assert.deepEqual(await readViews(), views)
    const outputs: string[] = []
    for (const line of runbook('A hub is lost')) outputs.push(await run(line))
    // What followers make of it is tested in gaps.deep.test.ts.
    assert.match(outputs.join(''), /published +[1-9]\d* events/)
    console.log(`# ${commands} commands of docs/restore.md were run`)
    assert.ok(commands > 5)
  })
})
