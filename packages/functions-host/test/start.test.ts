import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listen } from '../../kit/listen.ts'
import { until, WAIT_MS } from '../../test-support/wait.ts'
import { readHostJson } from '../host-json.ts'
import { type LeaseIntervals, leaseIntervals } from '../lease-intervals.ts'
import { selectLevel } from '../log.ts'
import type { RegisteredFunction } from '../registrations.ts'
import { isAppRejection } from '../rejections.ts'
import { TriggerOptions } from '../trigger-options.ts'
import { startHost, TestApp, testCleanup, untilStopping, waitForEnd } from './support.ts'

const HANDLER = 'handler: () => {}'
const HUB = `connection: 'EventHubConnection', eventHubName: 'h', cardinality: 'many', ${HANDLER}`
const FEED = `connection: 'CosmosConnection', databaseName: 'd', containerName: 'c', ${HANDLER}`

const GOOD = {
  EventHubConnection: 'Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true',
  CosmosConnection: 'AccountEndpoint=http://127.0.0.1:1/;AccountKey=a2V5;',
  AzureWebJobsStorage: 'UseDevelopmentStorage=true',
}

/** Functions and settings that the start refuses, with the message. */
const refusals: readonly (readonly [
  title: string,
  functions: string,
  settings: Record<string, string>,
  message: RegExp,
])[] = [
  [
    'a missing setting',
    `app.eventHub('f', { ${HUB} })`,
    { EventHubConnection: '' },
    /^function f: the setting EventHubConnection is missing$/,
  ],
  [
    'missing storage',
    `app.eventHub('f', { ${HUB} })`,
    { AzureWebJobsStorage: '' },
    /^function f: the setting AzureWebJobsStorage is missing$/,
  ],
  [
    'a malformed Event Hubs connection',
    `app.eventHub('f', { ${HUB} })`,
    { EventHubConnection: 'nonsense' },
    /^function f: the setting EventHubConnection is malformed: /,
  ],
  [
    'malformed storage',
    `app.eventHub('f', { ${HUB} })`,
    { AzureWebJobsStorage: 'nonsense' },
    /^function f: the setting AzureWebJobsStorage is malformed: /,
  ],
  [
    'a malformed Cosmos DB connection',
    `app.cosmosDB('f', { ${FEED} })`,
    { CosmosConnection: 'AccountEndpoint=x' },
    /^function f: the setting CosmosConnection is malformed: it must have AccountEndpoint=<url>$/,
  ],
  [
    'an identity-based connection',
    `app.cosmosDB('f', { ${FEED} })`,
    { CosmosConnection: '', CosmosConnection__accountEndpoint: 'https://a' },
    /^function f: CosmosConnection__accountEndpoint is identity-based: set CosmosConnection to a connection string$/,
  ],
  [
    'a missing %SETTING%',
    `app.timer('f', { schedule: '%WHEN%', ${HANDLER} })`,
    {},
    /^function f: the setting WHEN is missing$/,
  ],
  [
    'a schedule that is not NCRONTAB',
    `app.timer('f', { schedule: '* * * * *', ${HANDLER} })`,
    {},
    /^function f: schedule "\* \* \* \* \*" is not NCRONTAB of six fields: /,
  ],
  [
    'an option of the wrong type',
    `app.cosmosDB('f', { ${FEED}, maxItemsPerInvocation: '9' })`,
    {},
    /^function f: maxItemsPerInvocation is "9", it must be a whole number from 1 on$/,
  ],
  [
    'an unsupported change feed mode',
    `app.cosmosDB('f', { ${FEED}, changeFeedMode: 'AllVersionsAndDeletes' })`,
    {},
    /^function f: changeFeedMode is "AllVersionsAndDeletes", it must be LatestVersion/,
  ],
  [
    'a retry policy without its delay',
    `app.timer('f', { schedule: '* * * * * *', retry: { strategy: 'fixedDelay', maxRetryCount: 1 }, ${HANDLER} })`,
    {},
    /^function f: retry.delayInterval must be given$/,
  ],
  [
    'a repeated function name',
    `app.http('f', { ${HANDLER} }); app.http('F', { ${HANDLER} })`,
    {},
    /^function F is registered twice$/,
  ],
  ['a function name that the host refuses', `app.http('1f', { ${HANDLER} })`, {}, /^function "1f": a name is a letter/],
  [
    'an unknown trigger',
    `app.storageQueue('f', { connection: 'x', queueName: 'q', ${HANDLER} })`,
    {},
    /^function f: the local host has no queueTrigger$/,
  ],
  [
    'an output binding',
    `app.http('f', { extraOutputs: [{ type: 'queue', name: 'q' }], ${HANDLER} })`,
    {},
    /^function f: the local host has no output queue$/,
  ],
  [
    'two functions with one route',
    `app.http('a', { route: 'x/{id}', ${HANDLER} }); app.http('b', { route: 'X/{key}', ${HANDLER} })`,
    {},
    /^functions a and b have the same route: GET X\/\{key\}$/,
  ],
  [
    'an unknown constraint',
    `app.http('f', { route: '{id:regex(a)}', ${HANDLER} })`,
    {},
    /^function f: route "\{id:regex\(a\)\}": /,
  ],
  [
    'HTTP streaming',
    `app.setup({ enableHttpStream: true }); app.http('f', { ${HANDLER} })`,
    {},
    /enableHttpStream: true \}\) is not supported by the local host/,
  ],
  [
    'an unknown log level',
    `app.http('f', { ${HANDLER} })`,
    { FUNCTIONS_HOST_LOG_LEVEL: 'loud' },
    /^FUNCTIONS_HOST_LOG_LEVEL is "loud": set it to one of trace, /,
  ],
  [
    'an invalid port',
    `app.http('f', { ${HANDLER} })`,
    { FUNCTIONS_HOST_PORT: '70000' },
    /^FUNCTIONS_HOST_PORT is "70000": /,
  ],
  [
    'a hold without a file',
    `app.http('f', { ${HANDLER} })`,
    { FUNCTIONS_HOST_HOLD: 'f' },
    /^FUNCTIONS_HOST_HOLD is "f": set it to functions and a file, /,
  ],
]

describe('the start', { concurrency: 2 }, () => {
  for (const [title, functions, settings, message] of refusals)
    test(`refuses ${title}, in one line that names it`, async (t) => {
      const app = new TestApp(testCleanup(t), functions)
      await assert.rejects(startHost(testCleanup(t), app, { ...GOOD, ...settings }), { name: 'StartError', message })
    })
})

test('refuses a port in use in one line that says how to change it', async (t) => {
  const taken = createServer()
  t.after(() => taken.close())
  const port = await listen(taken, 0, 'none')
  const app = new TestApp(testCleanup(t), `app.http('f', { ${HANDLER} })`)
  const message = `port ${port} is in use: stop what listens there, or set --port to another port`
  await assert.rejects(startHost(testCleanup(t), app, { FUNCTIONS_HOST_PORT: String(port) }), {
    name: 'StartError',
    message,
  })
})

test('refuses an app without function files, or with a malformed host.json', async (t) => {
  const app = new TestApp(testCleanup(t), `app.http('f', { ${HANDLER} })`)
  app.write('package.json', JSON.stringify({ main: 'dist/*.js' }))
  await assert.rejects(startHost(testCleanup(t), app), {
    message: /^no file matches dist\/\*\.js in .*: build the functions first$/,
  })
  app.write('host.json', '{ "extensions": { "eventHubs": { "maxEventBatchSize": 0 } } }')
  await assert.rejects(startHost(testCleanup(t), app), {
    message: /host\.json: maxEventBatchSize must be a whole number from 1 on$/,
  })
})

test('refuses a wrong value of host.json, or of a setting that overrides it, by name', async (t) => {
  const setting = (path: string): string => `AzureFunctionsJobHost__${path}`
  const refused: readonly (readonly [hostJson: object, settings: Record<string, string>, message: RegExp])[] = [
    [{ extensions: 1 }, {}, /host\.json: extensions must be an object$/],
    [{ extensions: { http: { routePrefix: 1 } } }, {}, /host\.json: routePrefix must be a string$/],
    [
      { extensions: { eventHubs: { minEventBatchSize: 2 } } },
      {},
      /minEventBatchSize: the local host does not wait for a batch to fill$/,
    ],
    [{ functionTimeout: '30' }, {}, /host\.json: functionTimeout must be a time span above zero, such as 00:00:30$/],
    [
      {},
      { [setting('functionTimeout')]: '00:00:00' },
      /^AzureFunctionsJobHost__functionTimeout must be a time span above zero/,
    ],
    [
      {},
      { [setting('extensions__eventHubs__batchCheckpointFrequency')]: '0' },
      /^AzureFunctionsJobHost__extensions__eventHubs__batchCheckpointFrequency must be a whole number from 1 on$/,
    ],
    [
      {},
      { [setting('extensions__eventHubs__initialOffsetOptions__type')]: 'x' },
      /^AzureFunctionsJobHost__extensions__eventHubs__initialOffsetOptions__type must be fromStart, fromEnd or fromEnqueuedTime$/,
    ],
    [
      {},
      { [setting('extensions__eventHubs__loadBalancingUpdateInterval')]: '00:60:00' },
      /^AzureFunctionsJobHost__extensions__eventHubs__loadBalancingUpdateInterval must be a time span above zero/,
    ],
  ]
  t.diagnostic(`${refused.length} values`)
  for (const [hostJson, settings, message] of refused) {
    const app = new TestApp(testCleanup(t), `app.http('f', { ${HANDLER} })`, hostJson)
    await assert.rejects(startHost(testCleanup(t), app, settings), { name: 'StartError', message })
  }
})

function buildIntervals(trigger: object, settings = {}): LeaseIntervals {
  const metadata = { name: 'f', bindings: { items: { type: 'cosmosDBTrigger', direction: 'in', ...trigger } } }
  const registered = { metadata, callback: () => {} } as unknown as RegisteredFunction
  return leaseIntervals(new TriggerOptions(registered, settings), settings)
}

test('defaults of host.json are those of the real host', async (t) => {
  const { eventHubs, functionTimeoutMs } = await readHostJson(new TestApp(testCleanup(t), '').root, {})
  const { ownershipExpirationMs, loadBalancingMs, prefetchCount } = eventHubs
  assert.deepEqual(
    { ownershipExpirationMs, loadBalancingMs, prefetchCount, functionTimeoutMs, ...buildIntervals({}) },
    {
      ownershipExpirationMs: 120_000,
      loadBalancingMs: 30_000,
      prefetchCount: 300,
      functionTimeoutMs: 1_800_000,
      acquireMs: 13_000,
      expirationMs: 60_000,
      renewMs: 17_000,
    },
  )
  const sooner = { FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '6000' }
  assert.deepEqual(buildIntervals({}, sooner), { acquireMs: 1300, expirationMs: 6000, renewMs: 1700 })
  const registered = { leaseExpirationInterval: 30_000, leaseRenewInterval: 10_000 }
  assert.deepEqual(buildIntervals(registered), { acquireMs: 13_000, expirationMs: 30_000, renewMs: 10_000 })
  assert.deepEqual(buildIntervals(registered, sooner), { acquireMs: 2600, expirationMs: 6000, renewMs: 2000 })
})

test('a failed start leaves no process, even if function files keep it alive', async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `setInterval(() => {}, 1000); app.http('f', { ${HANDLER} }); app.http('f', { ${HANDLER} })`,
  )
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { env: { ...process.env, ...app.env, FUNCTIONS_HOST_PORT: '0' } })
  t.after(() => child.kill('SIGKILL'))
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const [code] = await once(child, 'exit')
  assert.equal(code, 1)
  assert.match(stderr, /^function f is registered twice\n$/)
})

test('loads all files of the glob, ES modules and CommonJS', async (t) => {
  const app = new TestApp(testCleanup(t), `app.http('module', { handler: () => ({ body: 'module' }) })`)
  app.write('functions/package.json', JSON.stringify({}))
  app.write(
    'functions/app.js',
    `const { app } = require('@azure/functions'); app.http('common', { handler: () => ({ body: 'common' }) })`,
  )
  app.write('more/package.json', JSON.stringify({ type: 'module' }))
  app.write(
    'more/app.js',
    `import { app } from '@azure/functions'; app.http('module', { handler: () => ({ body: 'module' }) })`,
  )
  app.write('package.json', JSON.stringify({ main: '{functions,more}/*.js' }))
  const host = await startHost(testCleanup(t), app)
  for (const name of ['common', 'module']) assert.equal(await (await fetch(`${host.address}/api/${name}`)).text(), name)
})

test('FUNCTIONS_HOST_MAIN replaces main as the glob of function files, and no other file is loaded', async (t) => {
  const app = new TestApp(testCleanup(t), `out('loaded'); app.http('other', { handler: () => ({ body: 'other' }) })`)
  for (const name of ['one', 'two'])
    app.write(
      `functions/${name}.js`,
      `import { app } from '@azure/functions'; app.http('${name}', { handler: () => ({ body: '${name}' }) })`,
    )
  const host = await startHost(testCleanup(t), app, { FUNCTIONS_HOST_MAIN: 'functions/@(one|two).js' })
  for (const name of ['one', 'two']) assert.equal(await (await fetch(`${host.address}/api/${name}`)).text(), name)
  assert.equal((await fetch(`${host.address}/api/other`)).status, 404)
  assert.deepEqual(app.lines(), [])
  await assert.rejects(startHost(testCleanup(t), app, { FUNCTIONS_HOST_MAIN: 'functions/three.js' }), {
    name: 'StartError',
    message: /^no file matches functions\/three\.js in .*: build the functions first$/,
  })
})

test('logs the start, lines of functions by name, and a repeated failure once a minute', async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `app.http('speaks', { handler: (_, context) => {
       context.log('two', 'words\\nand a line'); context.debug('unheard'); context.warn('careful') } })
     app.http('fails', { handler: () => { throw Object.assign(new Error('broken'), { code: 'E42' }) } })`,
  )
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { env: { ...process.env, ...app.env, FUNCTIONS_HOST_PORT: '0' } })
  t.after(() => child.kill('SIGKILL'))
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      text[name] += chunk.toString()
    })
  const base = await until('the address', () => /^http:\S+$/m.exec(text.stdout)?.[0])
  for (const name of ['speaks', 'fails', 'fails', 'fails']) await fetch(`${base}/api/${name}`)
  child.kill('SIGTERM')
  await once(child, 'close')
  assert.deepEqual(text.stdout.split('\n'), [
    `fails: GET,POST ${base}/api/fails`,
    `speaks: GET,POST ${base}/api/speaks`,
    base,
    'speaks: two words | and a line',
    '',
  ])
  assert.deepEqual(text.stderr.split('\n'), [
    'warning speaks: careful',
    'error fails: failed: broken (E42)',
    'error fails: failed: broken (E42) (and 2 more times in this minute)',
    '',
  ])
})

test("the longest matching name in host.json sets a category's log level, and settings override it", async (t) => {
  const ours = fileURLToPath(new URL('../../../', import.meta.url))
  const { logLevels } = await readHostJson(ours, { AzureFunctionsJobHost__logging__logLevel__Azure: 'Critical' })
  const found = [
    'Function.a-periodic.User',
    'Function.a-views.User',
    'function.A-views',
    'Azure.Core',
    'Host.Startup',
  ].map((category) => selectLevel(category, logLevels))
  assert.deepEqual(found, ['information', 'warning', 'none', 'critical', 'information'])
  assert.equal(selectLevel('Function.a', new Map()), 'information')
  const wrong = readHostJson(new TestApp(testCleanup(t), '').root, {
    AzureFunctionsJobHost__logging__logLevel__A: 'loud',
  })
  await assert.rejects(wrong, /AzureFunctionsJobHost__logging__logLevel__A is not a log level: loud/)
})

test("does not repeat a function's name in its line, and silences what host.json silences", async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `app.http('speaks', { handler: (_, context) => {
       context.warn('speaks: of itself'); context.warn('speaks is held'); context.warn('speakeasy')
       context.log('unheard'); throw new Error('unheard') } })`,
  )
  const levels = { AzureFunctionsJobHost__logging__logLevel__Function: 'None' }
  const own = { 'AzureFunctionsJobHost__logging__logLevel__Function.*.User': 'Warning' }
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const env = { ...process.env, ...app.env, ...levels, ...own, FUNCTIONS_HOST_PORT: '0' }
  const child = spawn(process.execPath, [main], { env })
  t.after(() => child.kill('SIGKILL'))
  const text = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    child[name].on('data', (chunk: Buffer) => {
      text[name] += chunk.toString()
    })
  const base = await until('the address', () => /^http:\S+$/m.exec(text.stdout)?.[0])
  assert.equal((await fetch(`${base}/api/speaks`)).status, 500)
  child.kill('SIGTERM')
  await once(child, 'close')
  assert.deepEqual(text.stderr.split('\n'), [
    'warning speaks: of itself',
    'warning speaks is held',
    'warning speaks: speakeasy',
    '',
  ])
  assert.doesNotMatch(text.stdout, /unheard/)
})

test('a stop lets the request in flight finish, and accepts no new one', async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `app.http('slow', { handler: async () => { out('began'); await gate('open'); return { body: 'done' } } })
     app.hook.appStart(() => out('app start')); app.hook.appTerminate(() => out('app end'))`,
  )
  const host = await startHost(testCleanup(t), app)
  const answer = fetch(`${host.address}/api/slow`)
  await until('the request', () => app.lines().includes('began'))
  const stopped = host.stop(WAIT_MS)
  await untilStopping(host)
  app.open('open')
  assert.equal(await (await answer).text(), 'done')
  await stopped
  assert.equal(await host.exited, 'ended with code 0')
  assert.deepEqual(app.lines(), ['app start', 'began', 'app end'])
})

test('an unhandled rejection of a function ends the host', async (t) => {
  for (const reason of [`new Error('forgotten')`, `'no error'`]) {
    const app = new TestApp(
      testCleanup(t),
      `app.http('f', { handler: () => { Promise.reject(${reason}); return { body: 'ok' } } })`,
    )
    const host = await startHost(testCleanup(t), app)
    await fetch(`${host.address}/api/f`).catch(() => {})
    assert.equal(await waitForEnd(host), 'ended with code 1')
  }
})

test("an unhandled rejection of the host's SDKs does not end it", () => {
  const stacked = (...files: readonly string[]): Error =>
    Object.assign(new Error('gone'), {
      stack: `Error: gone\n${files.map((file) => `    at f (${file}:1:2)`).join('\n')}`,
    })
  const sdk = '/app/node_modules/@azure/event-hubs/dist/x.js'
  // The host's triggers call the SDK, and kit starts the host.
  for (const own of ['../event-hub-trigger.ts', '../../kit/lifecycle.ts'])
    assert.equal(isAppRejection(stacked(sdk, 'node:net', new URL(own, import.meta.url).href)), false, own)
  assert.equal(isAppRejection(stacked(sdk, 'file:///app/dist/functions/f.js')), true)
})

test('a function that runs longer than functionTimeout ends the host', async (t) => {
  const source = `app.http('slow', { handler: async () => { out('began'); await gate('never') } })`
  const app = new TestApp(testCleanup(t), source, { functionTimeout: '00:00:00.050' })
  const host = await startHost(testCleanup(t), app)
  await fetch(`${host.address}/api/slow`).catch(() => {})
  assert.equal(await waitForEnd(host), 'ended with code 1')
  assert.deepEqual(app.lines(), ['began'])
})
