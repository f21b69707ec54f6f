import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { until } from '../../test-support/wait.ts'
import {
  cleanups,
  dataFolder,
  startBlobs,
  startHost,
  startHubs,
  TestApp,
  testCleanup,
  untilStopping,
} from './support.ts'

const HUBS = [
  'passed',
  'retried',
  'exhausted',
  'killed',
  'stopped',
  'looping',
  'path',
  'data',
  'objects',
  'texts',
  'empty',
  'unreadable',
  'unbound',
  'oneByOne',
  'fields',
  'overridden',
  'one',
  'setting',
  'lost',
  'unstored',
  'shared:2',
  'seldom',
  'closed',
  'cut',
  'fromEnd',
  'woken',
]

const cleanup = cleanups(after)
let settings: Record<string, string> = {}
let container: ContainerClient

before(async () => {
  const folder = dataFolder(cleanup)
  const [blobs, hubs] = await Promise.all([startBlobs(cleanup, folder), startHubs(cleanup, folder, HUBS)])
  settings = { AzureWebJobsStorage: blobs.connection, EventHubConnection: hubs.connection }
  container = BlobServiceClient.fromConnectionString(blobs.connection).getContainerClient('azure-webjobs-eventhub')
})

async function send(
  hub: string,
  bodies: readonly unknown[],
  connection = settings.EventHubConnection,
  partitionId = '0',
): Promise<void> {
  const producer = new EventHubProducerClient(connection ?? '', hub)
  try {
    await producer.sendBatch(
      bodies.map((body) => ({ body })),
      { partitionId },
    )
  } finally {
    await producer.close()
  }
}

/** Builds one function on the hub. Its handler is `body`, which can use `messages` and `context`. */
function functionOn(
  hub: string,
  body: string,
  options = '',
  hostJson: object = {},
): ConstructorParameters<typeof TestApp> {
  const source = `app.eventHub('f', { connection: 'EventHubConnection', eventHubName: '${hub}', consumerGroup: 'view',
    cardinality: 'many', ${options} handler: async (messages, context) => { ${body} } })`
  return [cleanup, source, hostJson]
}

/** Reads the checkpointed sequence number; undefined without a checkpoint. */
async function readCheckpoint(hub: string, partition = '0'): Promise<number | undefined> {
  const blob = container.getBlobClient(`localhost/${hub.toLowerCase()}/view/checkpoint/${partition}`)
  if (!(await blob.exists())) return undefined
  return Number((await blob.getProperties()).metadata?.sequencenumber)
}

describe('a batch that fails', () => {
  test('is checkpointed and skipped if the function has no retry option', async (t) => {
    await send('passed', ['bad'])
    const app = new TestApp(
      ...functionOn('passed', `out(messages); if (messages.includes('bad')) throw new Error('no')`),
    )
    const host = await startHost(testCleanup(t), app, settings)
    await until('the checkpoint past the failed batch', async () => (await readCheckpoint('passed')) === 0)
    await send('passed', ['good'])
    await until('the next batch', () => app.lines().some((messages) => messages.includes('good')))
    await until('its checkpoint', async () => (await readCheckpoint('passed')) === 1)
    await host.stop()
    const again = await startHost(testCleanup(t), app, settings)
    await send('passed', ['later'])
    await until('the later batch', () => app.lines().some((messages) => messages.includes('later')))
    await again.stop()
    assert.deepEqual(app.lines(), [['bad'], ['good'], ['later']])
  })

  test("is retried as a whole with the attempt's number, while its partition waits", async (t) => {
    const app = new TestApp(
      ...functionOn(
        'retried',
        `out({ messages, retry: context.retryContext }); if (!isOpen('good')) throw new Error('not yet')`,
        `retry: { strategy: 'fixedDelay', delayInterval: 0, maxRetryCount: -1 },`,
        { extensions: { eventHubs: { maxEventBatchSize: 2 } } },
      ),
    )
    await send('retried', [1, 2, 3, 4])
    const host = await startHost(testCleanup(t), app, settings)
    await until('three attempts', () => app.lines().length >= 3)
    assert.equal(await readCheckpoint('retried'), undefined)
    app.open('good')
    await until('the checkpoint', async () => (await readCheckpoint('retried')) === 3)
    await host.stop()
    const lines = app.lines()
    const attempts = lines.filter(({ messages }) => messages[0] === 1)
    const first = { retryCount: 0, maxRetryCount: -1 }
    assert.deepEqual(attempts[0], { messages: [1, 2], retry: first })
    attempts.slice(1).forEach(({ messages, retry }, index) => {
      assert.deepEqual(messages, [1, 2])
      assert.deepEqual([retry.retryCount, retry.maxRetryCount, retry.exception.message], [index + 1, -1, 'not yet'])
    })
    assert.deepEqual(lines.slice(attempts.length), [{ messages: [3, 4], retry: first }])
  })

  test('is skipped when its retries are used up', async (t) => {
    const app = new TestApp(
      ...functionOn(
        'exhausted',
        `out(messages); if (messages.includes('bad')) throw new Error('no')`,
        `retry: { strategy: 'exponentialBackoff', minimumInterval: 0, maximumInterval: 0, maxRetryCount: 2 },`,
      ),
    )
    await send('exhausted', ['bad'])
    await startHost(testCleanup(t), app, settings)
    await until('the checkpoint', async () => (await readCheckpoint('exhausted')) === 0)
    await send('exhausted', ['good'])
    await until('the next batch', () => app.lines().length >= 4)
    assert.deepEqual(app.lines(), [['bad'], ['bad'], ['bad'], ['good']])
  })
})

describe('a body that is not JSON, in a batch bound as objects', () => {
  test('fails the batch before the function runs, and the batch is skipped without retry', async (t) => {
    const app = new TestApp(...functionOn('unreadable', 'out(messages)'))
    await send('unreadable', [{ a: 1 }, Buffer.from('plain')])
    await startHost(testCleanup(t), app, settings)
    await until('the checkpoint past the batch', async () => (await readCheckpoint('unreadable')) === 1)
    await send('unreadable', ['good'])
    await until('the next batch', () => app.lines().length > 0)
    assert.deepEqual(app.lines(), [['good']])
  })

  test('blocks its partition with retry: the function never runs, and nothing is checkpointed', async (t) => {
    const retry = `retry: { strategy: 'fixedDelay', delayInterval: 0, maxRetryCount: -1 },`
    const app = new TestApp(...functionOn('unbound', 'out(messages)', retry))
    await send('unbound', [{ a: 1 }, Buffer.from('plain')])
    // Twice: if the first host had skipped the batch, the second one would not fail.
    for (const start of ['first', 'second']) {
      let output = ''
      const level = { FUNCTIONS_HOST_LOG_LEVEL: 'error' }
      const host = await startHost(testCleanup(t), app, { ...settings, ...level }, (text) => {
        output += text
      })
      await until(`the failure of the ${start} host`, () =>
        /^error f: its input cannot be bound: "p" is not expected/m.test(output),
      )
      await host.stop()
      assert.deepEqual(app.lines(), [])
      assert.equal(await readCheckpoint('unbound'), undefined)
    }
  })
})

describe('a batch that is not finished', () => {
  test('is delivered again after kill -9 in the middle of it, and nothing is lost', async (t) => {
    const app = new TestApp(...functionOn('killed', `out(messages); if (messages.includes('b')) await gate('open')`))
    await send('killed', ['a'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the first checkpoint', async () => (await readCheckpoint('killed')) === 0)
    await send('killed', ['b'])
    await until('the middle of the batch', () => app.lines().length === 2)
    host.kill('SIGKILL')
    await host.exited
    app.open('open')
    await startHost(testCleanup(t), app, settings)
    await until('the batch again', async () => (await readCheckpoint('killed')) === 1)
    assert.deepEqual(app.lines(), [['a'], ['b'], ['b']])
  })

  test('is not checkpointed when the host stops during it, and is delivered again', async (t) => {
    const app = new TestApp(
      ...functionOn('stopped', `out(messages); if (isOpen('second')) return; await gate('open'); out('ended')`),
    )
    await send('stopped', ['a'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the invocation', () => app.lines().length === 1)
    const stopped = host.stop()
    await untilStopping(host)
    app.open('open')
    await stopped
    assert.deepEqual(app.lines(), [['a'], 'ended'], 'the invocation in flight may finish')
    assert.equal(await readCheckpoint('stopped'), undefined)
    app.open('second')
    await startHost(testCleanup(t), app, settings)
    await until('the checkpoint', async () => (await readCheckpoint('stopped')) === 0)
    assert.deepEqual(app.lines(), [['a'], 'ended', ['a']])
  })

  test('does not delay the stop while it is retried without limit', async (t) => {
    const app = new TestApp(
      ...functionOn(
        'looping',
        `out(messages); throw new Error('never')`,
        `retry: { strategy: 'fixedDelay', delayInterval: { hours: 1 }, maxRetryCount: -1 },`,
      ),
    )
    await send('looping', ['a'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the first attempt', () => app.lines().length === 1)
    await host.stop()
    assert.equal(await host.exited, 'ended with code 0')
    assert.equal(await readCheckpoint('looping'), undefined)
  })
})

/** Waits for turns of an owner's load balancing. Each turn renews its claim. */
async function waitForTurns(claim: string, count: number): Promise<void> {
  const tags = new Set<string | undefined>()
  await until(`${count} turns of the load balancing`, async () => {
    tags.add((await container.getBlobClient(claim).getProperties()).etag)
    return tags.size > count
  })
}

describe('two hosts', () => {
  test('share the partitions, and a host that lost one does not checkpoint it', async (t) => {
    const app = new TestApp(
      ...functionOn(
        'shared',
        `out([process.env.HOST, ...messages]); await gate(process.env.HOST); out(process.env.HOST + ' ended')`,
      ),
    )
    await Promise.all(['0', '1'].map((partition) => send('shared', [partition], undefined, partition)))
    await startHost(testCleanup(t), app, { ...settings, HOST: 'first' })
    await until('both batches in the first host', () => app.lines().length === 2)
    await startHost(testCleanup(t), app, { ...settings, HOST: 'second' })
    const [, stolen] = await until('a batch in the second host', () => app.lines().find(([host]) => host === 'second'))
    const kept = stolen === '0' ? '1' : '0'
    // Each turn of the first host's load balancing renews its claim. After two it has seen the other's claim.
    await waitForTurns(`localhost/shared/view/ownership/${kept}`, 2)
    app.open('first')
    await until('the checkpoint of the other partition', async () => (await readCheckpoint('shared', kept)) === 0)
    await until('the end of both', () => app.lines().filter((line) => line === 'first ended').length === 2)
    assert.equal(await readCheckpoint('shared', stolen), undefined)
    app.open('second')
    await until('the checkpoint by its new owner', async () => (await readCheckpoint('shared', stolen)) === 0)
  })

  test('a host that stalls with a batch handles it late, and does not checkpoint it', async (t) => {
    const app = new TestApp(...functionOn('woken', `out([process.env.HOST, ...messages])`))
    app.open('hold')
    await send('woken', ['a'])
    let output = ''
    const held = { FUNCTIONS_HOST_HOLD: `f,g=${app.root}/hold`, FUNCTIONS_HOST_LOG_LEVEL: 'information', HOST: 'first' }
    const first = await startHost(testCleanup(t), app, { ...settings, ...held }, (text) => {
      output += text
    })
    await until('the batch in the first host', () => /f.* is held as long as /.test(output))
    first.kill('SIGSTOP')
    try {
      await startHost(testCleanup(t), app, { ...settings, HOST: 'second' })
      await until('the batch in the second host', () => app.lines().length === 1)
      await send('woken', ['b'])
      await until('the checkpoint of what came later', async () => (await readCheckpoint('woken')) === 1)
    } finally {
      first.kill('SIGCONT')
    }
    // The first host reads the claims as often as the other renews its own. Until then it would checkpoint
    // the late batch, as the real host would.
    await waitForTurns('localhost/woken/view/ownership/0', 3)
    app.close('hold')
    await until('the late batch', () => app.lines().length === 3)
    assert.deepEqual(app.lines(), [
      ['second', 'a'],
      ['second', 'b'],
      ['first', 'a'],
    ])
    await send('woken', ['c'])
    await until('the checkpoint after it', async () => (await readCheckpoint('woken')) === 2)
    // Either host may handle it. If the late batch had been checkpointed, 'b' would be delivered again.
    assert.deepEqual(
      app
        .lines()
        .slice(3)
        .map(([, body]) => body),
      ['c'],
    )
  })
})

describe('the trigger', () => {
  test('checkpoints every batchCheckpointFrequency-th batch', async (t) => {
    const app = new TestApp(
      ...functionOn('seldom', `out(messages)`, '', {
        extensions: { eventHubs: { maxEventBatchSize: 1, batchCheckpointFrequency: 2 } },
      }),
    )
    await send('seldom', [1, 2, 3])
    const host = await startHost(testCleanup(t), app, settings)
    await until('three batches', () => app.lines().length === 3)
    host.kill('SIGKILL')
    await host.exited
    assert.equal(await readCheckpoint('seldom'), 1)
  })

  test('checkpoints at a graceful close what batchCheckpointFrequency has postponed', async (t) => {
    const app = new TestApp(
      ...functionOn('closed', `out(messages)`, '', {
        extensions: { eventHubs: { maxEventBatchSize: 1, batchCheckpointFrequency: 10 } },
      }),
    )
    await send('closed', [1, 2, 3])
    const host = await startHost(testCleanup(t), app, settings)
    await until('three batches', () => app.lines().length === 3)
    assert.equal(await readCheckpoint('closed'), undefined)
    await host.stop()
    assert.equal(await readCheckpoint('closed'), 2)
  })

  test('checkpoints there also a batch whose retries the stop cut short, as the newest extension does', async (t) => {
    const app = new TestApp(
      ...functionOn(
        'cut',
        `out(messages); throw new Error('never')`,
        `retry: { strategy: 'fixedDelay', delayInterval: { hours: 1 }, maxRetryCount: -1 },`,
        { extensions: { eventHubs: { batchCheckpointFrequency: 10 } } },
      ),
    )
    await send('cut', ['a'])
    const host = await startHost(testCleanup(t), app, settings)
    await until('the first attempt', () => app.lines().length === 1)
    await host.stop()
    assert.equal(await readCheckpoint('cut'), 0)
  })

  test('a setting AzureFunctionsJobHost__… overrides host.json, whatever its case', async (t) => {
    const app = new TestApp(
      ...functionOn('overridden', `out(messages)`, '', { extensions: { eventHubs: { maxEventBatchSize: 100 } } }),
    )
    await send('overridden', [1, 2, 3])
    const setting = { azurefunctionsjobhost__EXTENSIONS__eventhubs__maxEventBatchSize: '1' }
    await startHost(testCleanup(t), app, { ...settings, ...setting })
    await until('three batches', () => app.lines().length === 3)
    assert.deepEqual(app.lines(), [[1], [2], [3]])
  })

  test('starts with new events if the initial offset is fromEnd', async (t) => {
    const app = new TestApp(
      ...functionOn('fromEnd', `out(messages)`, '', {
        extensions: { eventHubs: { initialOffsetOptions: { type: 'fromEnd' } } },
      }),
    )
    await send('fromEnd', ['old'])
    await startHost(testCleanup(t), app, settings)
    // The start of reading is not visible from outside, so send events until one is read.
    await until('a new event', async () => {
      await send('fromEnd', ['new'])
      return app.lines().length > 0
    })
    assert.ok(!app.lines().flat().includes('old'))
  })

  test('stores its checkpoints where the Functions host does, with sequence number and offset', async (t) => {
    const app = new TestApp(...functionOn('path', `out(messages)`))
    await send('path', ['a', 'b'])
    await startHost(testCleanup(t), app, settings)
    await until('the checkpoint', async () => (await readCheckpoint('path')) === 1)
    const names: string[] = []
    for await (const blob of container.listBlobsFlat({ prefix: 'localhost/path/' })) names.push(blob.name)
    assert.deepEqual(names, ['localhost/path/view/checkpoint/0', 'localhost/path/view/ownership/0'])
    const { metadata } = await container.getBlobClient('localhost/path/view/checkpoint/0').getProperties()
    assert.deepEqual(Object.keys(metadata ?? {}).sort(), ['offset', 'sequencenumber'])
  })

  test('binds a batch as objects without dataType, and rewrites dates', async (t) => {
    const app = new TestApp(...functionOn('objects', 'out(messages)'))
    const dated = {
      at: '2026-11-28T10:20:30.780Z',
      '2026-11-28T10:20:30.780Z': ['2026-11-28T10:20:30+02:00', 'x', 1.5],
    }
    await send('objects', [dated, '2026-11-28T10:20:30.000Z', Buffer.from('null'), Buffer.from('')])
    await startHost(testCleanup(t), app, settings)
    await until('the batch', () => app.lines().length > 0)
    const rewritten = {
      at: '2026-11-28T10:20:30.78Z',
      '2026-11-28T10:20:30.780Z': ['2026-11-28T08:20:30+00:00', 'x', 1.5],
    }
    assert.deepEqual(app.lines(), [[rewritten, '2026-11-28T10:20:30Z', null, null]])
  })

  test('passes texts unchanged for dataType string; the library parses those that are JSON', async (t) => {
    const app = new TestApp(...functionOn('texts', 'out(messages)', `dataType: 'string',`))
    await send('texts', [{ at: '2026-11-28T10:20:30.780Z' }, Buffer.from('plain'), Buffer.from("{'a':1}")])
    await startHost(testCleanup(t), app, settings)
    await until('the batch', () => app.lines().length > 0)
    assert.deepEqual(app.lines(), [[{ at: '2026-11-28T10:20:30.780Z' }, 'plain', "{'a':1}"]])
  })

  test('leaves empty texts out of a batch, unless the app has the capability', async (t) => {
    const source = (setup: string): string => `${setup} app.eventHub('f', { connection: 'EventHubConnection',
      eventHubName: 'empty', consumerGroup: '%GROUP%', cardinality: 'many', dataType: 'string',
      handler: (messages, context) => out([messages, context.triggerMetadata.partitionKeyArray,
        context.triggerMetadata.sequenceNumberArray.length]) })`
    await send('empty', [Buffer.from(''), 'a'])
    const without = new TestApp(cleanup, source(''))
    await startHost(testCleanup(t), without, { ...settings, GROUP: 'view' })
    await until('the batch', () => without.lines().length > 0)
    assert.deepEqual(without.lines(), [[['a'], [], 2]])
    const capable = new TestApp(
      cleanup,
      source(`app.setup({ capabilities: { IncludeEmptyEntriesInMessagePayload: true } });`),
    )
    await startHost(testCleanup(t), capable, { ...settings, GROUP: '$Default' })
    await until('the batch', () => capable.lines().length > 0)
    assert.deepEqual(capable.lines(), [[['', 'a'], ['', ''], 2]])
  })

  test('passes the metadata as arrays in the order of the batch, as host and worker do', async (t) => {
    const app = new TestApp(...functionOn('data', 'out(context.triggerMetadata)'))
    const producer = new EventHubProducerClient(settings.EventHubConnection ?? '', 'data')
    await producer.sendBatch([{ body: 1, properties: { Kind: 'x' } }, { body: 2 }], { partitionKey: '0042' })
    await producer.close()
    await startHost(testCleanup(t), app, settings)
    const [metadata] = await until('the batch', () => app.lines().length > 0 && app.lines())
    const context = {
      isCheckpointingAfterInvocation: true,
      fullyQualifiedNamespace: 'localhost',
      eventHubName: 'data',
      consumerGroup: 'view',
      partitionId: '0',
    }
    assert.deepEqual(metadata.partitionContext, context)
    assert.deepEqual(metadata.triggerPartitionContext, context)
    assert.deepEqual(metadata.partitionKeyArray, ['0042', '0042'])
    assert.deepEqual(metadata.sequenceNumberArray, [
      { low: 0, high: 0, unsigned: false },
      { low: 1, high: 0, unsigned: false },
    ])
    assert.deepEqual(metadata.propertiesArray, [{ kind: 'x' }, {}])
    for (const offset of [...metadata.offsetArray, ...metadata.offsetStringArray]) assert.equal(typeof offset, 'number')
    assert.deepEqual([metadata.offsetArray.length, metadata.offsetStringArray.length], [2, 2])
    assert.deepEqual(metadata.systemPropertiesArray[1].sequenceNumber, 1)
    for (const time of metadata.enqueuedTimeUtcArray) {
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?$/)
      assert.ok(!Number.isNaN(Date.parse(`${time}Z`)))
    }
  })

  test('passes one event after another for cardinality one, as bytes for dataType binary', async (t) => {
    const app = new TestApp(
      cleanup,
      `app.eventHub('f', { connection: 'EventHubConnection', eventHubName: 'one', dataType: 'binary',
        handler: (message, context) =>
          out([Buffer.isBuffer(message), String(message), context.triggerMetadata.sequenceNumber]) })`,
    )
    await send('one', [Buffer.from('a'), Buffer.from('b')])
    await startHost(testCleanup(t), app, settings)
    await until('both events', () => app.lines().length === 2)
    assert.deepEqual(app.lines(), [
      [true, 'a', 0],
      [true, 'b', 1],
    ])
  })

  test('waits for the end of the previous event with cardinality one', async (t) => {
    const app = new TestApp(
      cleanup,
      `app.eventHub('f', { connection: 'EventHubConnection', eventHubName: 'oneByOne',
        handler: async (message) => { out('begins ' + message); await delay(0); out('ends ' + message) } })`,
    )
    await send('oneByOne', ['a', 'b', 'c'])
    await startHost(testCleanup(t), app, settings)
    await until('all events', () => app.lines().length === 6)
    assert.deepEqual(
      app.lines(),
      ['a', 'b', 'c'].flatMap((message) => [`begins ${message}`, `ends ${message}`]),
    )
  })

  test("binds one event as text, and adds its object's fields to the metadata", async (t) => {
    const app = new TestApp(
      cleanup,
      `app.eventHub('f', { connection: 'EventHubConnection', eventHubName: 'fields', handler: (message, context) => {
        const { sequenceNumber, partitionKey, offset, at, on, list, inner, text } = context.triggerMetadata
        out({ message, metadata: { sequenceNumber, partitionKey, offset, at, on, list, inner, text } }) } })`,
    )
    const message = {
      at: '2026-11-28T10:20:30.780Z',
      on: true,
      list: [1],
      inner: { A: 1 },
      text: '7',
      sequenceNumber: 'mine',
    }
    await send('fields', [message])
    await startHost(testCleanup(t), app, settings)
    const [line] = await until('the event', () => app.lines().length > 0 && app.lines())
    assert.deepEqual(line.message, message)
    assert.equal(typeof line.metadata.offset, 'number')
    delete line.metadata.offset
    assert.deepEqual(line.metadata, {
      sequenceNumber: 'mine',
      at: '11/28/2026 10:20:30',
      on: 'True',
      inner: { a: 1 },
      text: 7,
    })
  })

  test('resolves %SETTING% in its options', async (t) => {
    const app = new TestApp(...functionOn('%MY_HUB%', `out(messages)`))
    await send('setting', ['a'])
    await startHost(testCleanup(t), app, { ...settings, MY_HUB: 'setting' })
    await until('the event', () => app.lines().length === 1)
  })

  test('continues within seconds when the emulator was killed and restarted, and loses nothing', async (t) => {
    const folder = dataFolder(testCleanup(t))
    const hubs = await startHubs(testCleanup(t), folder, ['gone:2'])
    const app = new TestApp(...functionOn('gone', `out(messages)`))
    await startHost(testCleanup(t), app, { ...settings, EventHubConnection: hubs.connection })
    await send('gone', ['before'], hubs.connection)
    await until('the first event', () => app.lines().length === 1)
    hubs.child.kill('SIGKILL')
    await hubs.child.exited
    await until('the client to release its partitions', async () => {
      const ownership = container.getBlobClient('localhost/gone/view/ownership/0')
      return !(await ownership.getProperties()).metadata?.ownerid
    })
    await startHubs(testCleanup(t), folder, ['gone:2'], hubs.port)
    const back = performance.now()
    await send('gone', ['after'], hubs.connection)
    await until('the event after', () => app.lines().some((messages) => messages.includes('after')))
    t.diagnostic(`${Math.round(performance.now() - back)} ms after the emulator was back`)
    assert.deepEqual(new Set(app.lines().flat()), new Set(['before', 'after']))
  })

  test('continues without storage, and checkpoints again when it is back', async (t) => {
    const folder = dataFolder(testCleanup(t))
    const blobs = await startBlobs(testCleanup(t), folder)
    const app = new TestApp(...functionOn('unstored', `out(messages)`))
    await send('unstored', ['a'])
    await startHost(testCleanup(t), app, { ...settings, AzureWebJobsStorage: blobs.connection })
    await until('the first event', () => app.lines().length === 1)
    blobs.child.kill('SIGKILL')
    await blobs.child.exited
    await send('unstored', ['b'])
    await until('the event meanwhile', () => app.lines().flat().includes('b'))
    await startBlobs(testCleanup(t), folder, blobs.port)
    const back = performance.now()
    const own = BlobServiceClient.fromConnectionString(blobs.connection).getContainerClient('azure-webjobs-eventhub')
    const checkpoint = own.getBlobClient('localhost/unstored/view/checkpoint/0')
    await until('a checkpoint', async () => {
      await send('unstored', ['c'])
      return (await checkpoint.exists()) && Number((await checkpoint.getProperties()).metadata?.sequencenumber) > 1
    })
    t.diagnostic(`${Math.round(performance.now() - back)} ms after the storage was back`)
  })

  test('recreates its container when the storage lost its data, and delivers the events again', async (t) => {
    const folder = dataFolder(testCleanup(t))
    const blobs = await startBlobs(testCleanup(t), folder)
    const app = new TestApp(...functionOn('lost', `out(messages)`))
    await send('lost', ['a'])
    await startHost(testCleanup(t), app, { ...settings, AzureWebJobsStorage: blobs.connection })
    await until('the event', () => app.lines().length === 1)
    const own = BlobServiceClient.fromConnectionString(blobs.connection).getContainerClient('azure-webjobs-eventhub')
    await own.delete()
    await until('the event again', () => app.lines().length === 2)
    await until('the checkpoint', () => own.getBlobClient('localhost/lost/view/checkpoint/0').exists())
  })

  test('starts when an emulator that was away at its start appears', async (t) => {
    const folder = dataFolder(testCleanup(t))
    const first = await startHubs(testCleanup(t), folder, ['late'])
    await first.child.stop()
    const app = new TestApp(...functionOn('late', `out(messages)`))
    await startHost(testCleanup(t), app, { ...settings, EventHubConnection: first.connection })
    await startHubs(testCleanup(t), folder, ['late'], first.port)
    await send('late', ['a'], first.connection)
    await until('the event', () => app.lines().length === 1)
  })
})
