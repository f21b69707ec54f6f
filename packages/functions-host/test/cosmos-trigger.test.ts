import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { type Container, CosmosClient, type Database } from '@azure/cosmos'
import { until } from '../../test-support/wait.ts'
import { cleanups, dataFolder, startCosmos, startHost, TestApp, testCleanup, untilStopping } from './support.ts'

const cleanup = cleanups(after)
let settings: Record<string, string> = {}
let database: Database

before(async () => {
  const cosmos = await startCosmos(cleanup, dataFolder(cleanup))
  settings = { CosmosConnection: cosmos.connection }
  const client = new CosmosClient(cosmos.connection)
  cleanup(() => client.dispose())
  database = await createDatabase(client)
})

async function createDatabase(client: CosmosClient): Promise<Database> {
  const { database } = await client.databases.createIfNotExists({ id: 'db' })
  await database.containers.createIfNotExists({ id: 'leases', partitionKey: '/id' })
  return database
}

async function createContainer(name: string, from = database): Promise<Container> {
  return (await from.containers.createIfNotExists({ id: name, partitionKey: '/pk' })).container
}

/** Adds items with the given ids, in one partition. */
async function add(container: Container, ids: readonly string[]): Promise<void> {
  for (const id of ids) await container.items.create({ id, pk: 'p' })
}

/** Builds one function on the container. Its handler is `body`, which can use `ids` and `context`. */
function functionOn(container: string, body: string, options = ''): ConstructorParameters<typeof TestApp> {
  const source = `app.cosmosDB('f', { connection: 'CosmosConnection', databaseName: 'db', containerName: '${container}',
    feedPollDelay: 50, startFromBeginning: true, leaseAcquireInterval: 100, leaseExpirationInterval: 2000,
    leaseRenewInterval: 500, ${options}
    handler: async (documents, context) => { const ids = documents.map(({ id }) => id); ${body} } })`
  return [cleanup, source]
}

interface LeaseDocument {
  readonly id: string
  readonly owner: string | null
  readonly continuation: string | null
}

async function readLeases(container: string): Promise<LeaseDocument[]> {
  const { resources } = await database.container('leases').items.readAll<LeaseDocument>().fetchAll()
  return resources.filter(({ id }) => id.includes(`db_${container}.`))
}

const seen = (app: TestApp): string[] => app.lines().flat()

describe('a page that fails', () => {
  test('is skipped if the function has no retry option', async (t) => {
    const container = await createContainer('passed')
    const app = new TestApp(...functionOn('passed', `out(ids); if (ids.includes('bad')) throw new Error('no')`))
    await add(container, ['bad'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the lease past the failed page', async () =>
      (await readLeases('passed')).some(({ continuation }) => continuation !== null),
    )
    await add(container, ['good'])
    await until('the next page', () => seen(app).includes('good'))
    await host.stop()
    const again = await startHost(testCleanup(t), app, settings)
    await add(container, ['later'])
    await until('the later page', () => seen(app).includes('later'))
    await again.stop()
    assert.deepEqual(seen(app), ['bad', 'good', 'later'])
  })

  test("is retried as a whole with the attempt's number, while the feed waits", async (t) => {
    const container = await createContainer('retried')
    await add(container, ['1', '2', '3'])
    const app = new TestApp(
      ...functionOn(
        'retried',
        `out({ ids, retry: context.retryContext?.retryCount ?? 0 }); if (!isOpen('good')) throw new Error('not yet')`,
        `maxItemsPerInvocation: 2, retry: { strategy: 'fixedDelay', delayInterval: 0, maxRetryCount: -1 },`,
      ),
    )
    await startHost(testCleanup(t), app, settings)
    await until('three attempts', () => app.lines().length >= 3)
    assert.ok((await readLeases('retried')).every(({ continuation }) => continuation === null))
    app.open('good')
    await until('the rest', () => app.lines().some(({ ids }) => ids.includes('3')))
    const attempts = app.lines().filter(({ ids }) => ids.includes('1'))
    attempts.forEach((attempt, index) => {
      assert.deepEqual(attempt, { ids: ['1', '2'], retry: index })
    })
    assert.deepEqual(app.lines().slice(attempts.length), [{ ids: ['3'], retry: 0 }])
  })

  test('is skipped when its retries are used up', async (t) => {
    const container = await createContainer('exhausted')
    const app = new TestApp(
      ...functionOn(
        'exhausted',
        `out(ids); if (ids.includes('bad')) throw new Error('no')`,
        `retry: { strategy: 'fixedDelay', delayInterval: 0, maxRetryCount: 2 },`,
      ),
    )
    await add(container, ['bad'])
    await startHost(testCleanup(t), app, settings)
    await until('three attempts', () => seen(app).length === 3)
    await add(container, ['good'])
    await until('the next page', () => seen(app).includes('good'))
    assert.deepEqual(seen(app), ['bad', 'bad', 'bad', 'good'])
  })
})

describe('a page that is not finished', () => {
  test('is delivered again after kill -9, once the lease has expired, and nothing is lost', async (t) => {
    const container = await createContainer('killed')
    const app = new TestApp(...functionOn('killed', `out(ids); if (ids.includes('b')) await gate('open')`))
    await add(container, ['a'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the first page', () => seen(app).includes('a'))
    await add(container, ['b'])
    await until('the middle of the second', () => seen(app).includes('b'))
    host.kill('SIGKILL')
    await host.exited
    app.open('open')
    await startHost(testCleanup(t), app, settings)
    await add(container, ['c'])
    await until('what comes after', () => seen(app).includes('c'))
    const after = seen(app).slice(seen(app).indexOf('b') + 1)
    assert.deepEqual(
      after.filter((id) => id !== 'a'),
      ['b', 'c'],
    )
  })

  test('is not skipped when the host stops during it, and the freed lease is taken at once', async (t) => {
    const container = await createContainer('stopped')
    await add(container, ['a'])
    const app = new TestApp(
      ...functionOn(
        'stopped',
        `out(ids); if (!isOpen('second')) { await gate('open'); out('ended') }`,
        'leaseExpirationInterval: 3_600_000,',
      ),
    )
    const host = await startHost(testCleanup(t), app, settings)
    await until('the invocation', () => app.lines().length === 1)
    const stopped = host.stop()
    await untilStopping(host)
    app.open('open')
    await stopped
    assert.deepEqual(app.lines(), [['a'], 'ended'])
    for (const { owner, continuation } of await readLeases('stopped'))
      assert.deepEqual([owner, continuation], [null, null])
    app.open('second')
    await startHost(testCleanup(t), app, settings)
    await until('the page again', () => app.lines().length === 3)
    assert.deepEqual(app.lines().at(-1), ['a'])
  })
})

describe('the trigger', () => {
  test('reads with one host at a time, and another takes over at its continuation', async (t) => {
    const container = await createContainer('takeover')
    const app = new TestApp(...functionOn('takeover', `out([process.env.HOST, ...ids])`))
    const first = await startHost(testCleanup(t), app, { ...settings, HOST: 'first' })
    await add(container, ['a'])
    await until('the first page', () => app.lines().length === 1)
    await startHost(testCleanup(t), app, { ...settings, HOST: 'second' })
    await add(container, ['b'])
    await until('the second page', () => app.lines().length === 2)
    first.kill('SIGKILL')
    await first.exited
    await add(container, ['c'])
    await until('the third page', () => app.lines().some((line) => line.includes('c')))
    const seenBy = (id: string) => app.lines().flatMap(([host, ...ids]) => (ids.includes(id) ? [host] : []))
    assert.deepEqual(seenBy('a'), ['first'])
    // The kill may have cut off the move past the last page. Then the second host gets that page again, alone
    // or with later items.
    assert.ok(
      [['first'], ['first', 'second']].some((hosts) => isDeepStrictEqual(seenBy('b'), hosts)),
      String(seenBy('b')),
    )
    assert.deepEqual(seenBy('c'), ['second'])
  })

  test('passes its lease at once to a waiting host when it stops', async (t) => {
    const container = await createContainer('handed')
    const app = new TestApp(
      ...functionOn('handed', `out([process.env.HOST, ...ids])`, 'leaseExpirationInterval: 3_600_000,'),
    )
    const first = await startHost(testCleanup(t), app, { ...settings, HOST: 'first' })
    await add(container, ['a'])
    await until('the first page', () => app.lines().length === 1)
    await startHost(testCleanup(t), app, { ...settings, HOST: 'second' })
    await first.stop()
    await add(container, ['b'])
    await until('the second page', () => app.lines().length === 2)
    assert.deepEqual(app.lines(), [
      ['first', 'a'],
      ['second', 'b'],
    ])
  })

  test('does not write the lease after losing it during a stall, so the new owner keeps it', async (t) => {
    const container = await createContainer('heldUp')
    const app = new TestApp(
      ...functionOn(
        'heldUp',
        `out([process.env.HOST, ...ids]); if (process.env.HOST === 'first') { await gate('open'); out(['ended']) }`,
        'leaseRenewInterval: 1500,',
      ),
    )
    const first = await startHost(testCleanup(t), app, { ...settings, HOST: 'first' })
    await add(container, ['a'])
    await until('the first page', () => app.lines().length === 1)
    first.kill('SIGSTOP')
    await startHost(testCleanup(t), app, { ...settings, HOST: 'second' })
    await add(container, ['b'])
    await until('the takeover', () => app.lines().some((line) => line.includes('b')))
    const [taken] = await readLeases('heldUp')
    first.kill('SIGCONT')
    app.open('open')
    await until('the end of the first page', () => app.lines().some((line) => line.includes('ended')))
    // If the lease were still its own, the stop would free it.
    await first.stop()
    const [kept] = await readLeases('heldUp')
    assert.ok(taken?.owner)
    assert.equal(kept?.owner, taken.owner)
    await add(container, ['c'])
    await until('the last page', () => app.lines().some((line) => line.includes('c')))
    assert.deepEqual(app.lines().at(-1), ['second', 'c'])
  })

  test('starts with new items if startFromBeginning is not set', async (t) => {
    const container = await createContainer('fromNow')
    await add(container, ['old'])
    const app = new TestApp(...functionOn('fromNow', 'out(ids)', 'startFromBeginning: false,'))
    await startHost(testCleanup(t), app, settings)
    await until('the lease', async () => (await readLeases('fromNow')).length > 0)
    // The start of reading is not visible from outside, so add items until one is read.
    let next = 0
    await until('a new item', async () => {
      next += 1
      await add(container, [`new${next}`])
      return seen(app).length > 0
    })
    assert.ok(!seen(app).includes('old'))
  })

  test('starts at startFromTime', async (t) => {
    const container = await createContainer('fromTime')
    await add(container, ['old'])
    // The feed's time is in whole seconds.
    const { resource } = await container.item('old', 'p').read<{ _ts: number }>()
    const start = new Date(((resource?._ts ?? 0) + 1) * 1000)
    await until('the next second', () => Date.now() > start.getTime() + 1000)
    await add(container, ['new'])
    const app = new TestApp(
      ...functionOn('fromTime', 'out(ids)', `startFromBeginning: false, startFromTime: '${start.toISOString()}',`),
    )
    await startHost(testCleanup(t), app, settings)
    await until('the new item', () => seen(app).length > 0)
    assert.deepEqual(seen(app), ['new'])
  })

  test('passes at most maxItemsPerInvocation documents, and reads more at once', async (t) => {
    const container = await createContainer('pages')
    const ids = Array.from({ length: 25 }, (_, index) => `i${index}`)
    await add(container, ids)
    const app = new TestApp(...functionOn('pages', 'out(ids)', 'maxItemsPerInvocation: 10, feedPollDelay: 3_600_000,'))
    await startHost(testCleanup(t), app, settings)
    await until('all of them', () => seen(app).length === ids.length)
    assert.deepEqual(seen(app), ids)
    assert.ok(app.lines().every((page) => page.length <= 10))
  })

  test('passes documents as Json.NET writes them, with rewritten dates', async (t) => {
    const container = await createContainer('dated')
    const at = ['2026-11-28T10:20:30.780Z', '2026-11-28T10:20:30+02:00', '2026-11-28', 'x']
    await container.items.create({
      id: '1',
      pk: 'p',
      at,
      '2026-11-28T10:20:30.780Z': { $type: 'x' },
      text: '["2026-11-28T10:20:30.780Z"]',
    })
    const app = new TestApp(
      ...functionOn('dated', 'const [{ _rid, _self, _etag, _ts, _lsn, ...item }] = documents; out(item)'),
    )
    await startHost(testCleanup(t), app, settings)
    await until('the item', () => app.lines().length > 0)
    const { _attachments, ...item } = app.lines()[0]
    assert.deepEqual(item, {
      id: '1',
      pk: 'p',
      at: ['2026-11-28T10:20:30.78Z', '2026-11-28T08:20:30+00:00', '2026-11-28', 'x'],
      '2026-11-28T10:20:30.780Z': { $type: 'x' },
      text: '["2026-11-28T10:20:30.780Z"]',
    })
  })

  test('does not read or skip a page with an item that Json.NET cannot read', async (t) => {
    const container = await createContainer('deep')
    let deep: object = {}
    for (let depth = 0; depth < 64; depth += 1) deep = { deep }
    await container.items.create({ id: '1', pk: 'p', deep })
    const app = new TestApp(...functionOn('deep', 'out(ids)'))
    let output = ''
    const host = await startHost(testCleanup(t), app, { ...settings, FUNCTIONS_HOST_LOG_LEVEL: 'error' }, (text) => {
      output += text
    })
    await until('the failure', () =>
      /the change feed cannot be read: more than 64 nested objects and arrays/.test(output),
    )
    await host.stop()
    assert.deepEqual(app.lines(), [])
    for (const { continuation } of await readLeases('deep')) assert.equal(continuation, null)
  })

  test('creates the lease container if the option is set', async (t) => {
    const container = await createContainer('made')
    await add(container, ['a'])
    const app = new TestApp(
      ...functionOn(
        'made',
        'out(ids)',
        `leaseContainerName: 'own', createLeaseContainerIfNotExists: true, leaseContainerPrefix: 'x',`,
      ),
    )
    await startHost(testCleanup(t), app, settings)
    await until('the page', () => seen(app).length === 1)
    const { resources } = await database.container('own').items.readAll<LeaseDocument>().fetchAll()
    assert.ok(resources.length > 0 && resources.every(({ id }) => id.startsWith('xdb_made.')))
  })

  test('continues when the emulator was killed and restarted, and loses nothing', async (t) => {
    const folder = dataFolder(testCleanup(t))
    const cosmos = await startCosmos(testCleanup(t), folder)
    const client = new CosmosClient(cosmos.connection)
    const container = await createContainer('gone', await createDatabase(client))
    const app = new TestApp(...functionOn('gone', 'out(ids)'))
    await startHost(testCleanup(t), app, { CosmosConnection: cosmos.connection })
    await add(container, ['before'])
    await until('the first item', () => seen(app).length === 1)
    cosmos.child.kill('SIGKILL')
    await cosmos.child.exited
    await startCosmos(testCleanup(t), folder, cosmos.port)
    const back = performance.now()
    await add(container, ['after'])
    await until('the item after', () => seen(app).includes('after'))
    t.diagnostic(`${Math.round(performance.now() - back)} ms after the emulator was back`)
    client.dispose()
  })
})
