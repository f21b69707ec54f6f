import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { localSettings } from '../../kit/settings.ts'
import { connectionStrings } from '../../test-support/connection-strings.ts'
import { settings } from '../settings/list.ts'
import { nearest } from '../settings/nearest.ts'
import { isOtherName, otherNames } from '../settings/other-names.ts'
import { type Environment, readSettings, requireKeyWrap } from '../settings/read.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const id = '0b5c8f6e-6f0a-4c39-9f0e-0d4a7c1a2b3c'
const azure = {
  CosmosConnection__accountEndpoint: 'https://account.documents.azure.com:443/',
  CosmosConnection__credential: 'managedidentity',
  CosmosConnection__clientId: id,
  EventHubConnection__fullyQualifiedNamespace: 'ns.servicebus.windows.net',
  EventHubConnection__credential: 'managedidentity',
  EventHubConnection__clientId: id,
  ArchiveStorage__blobServiceUri: 'https://starchive.blob.core.windows.net/',
  ArchiveStorage__clientId: id,
}

function refused(environment: Environment): string {
  try {
    readSettings(environment)
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    assert.equal(code, 'setting-invalid')
    assert.equal(message.split(/\r|\n/).length, 1, message)
    return message
  }
  assert.fail(`taken: ${JSON.stringify(environment)}`)
}

describe('settings', () => {
  it('are missing: one line names each connection, and both ways to set it', () => {
    assert.equal(
      refused({ CosmosConnection: '' }),
      'CosmosConnection is not set: set it to a connection string, AccountEndpoint=<address>;AccountKey=<key>; ' +
        'or CosmosConnection__accountEndpoint to the address of an account, ' +
        'such as https://cosmos-name.documents.azure.com:443/; ' +
        'EventHubConnection is not set: set it to a connection string, ' +
        'Endpoint=sb://<host>;SharedAccessKeyName=<name>;SharedAccessKey=<key>; ' +
        'or EventHubConnection__fullyQualifiedNamespace to the host name of a namespace, ' +
        'such as evhns-name.servicebus.windows.net; ' +
        'ArchiveStorage is not set: set it to a connection string of a storage account; ' +
        'or ArchiveStorage__blobServiceUri to the address of the blobs of a storage account, ' +
        'such as https://stname.blob.core.windows.net/',
    )
  })

  for (const [what, wrong, line] of [
    [
      'a word for a number',
      { TIDEMARK_QUERY_WAIT_MS: 'soon' },
      /^TIDEMARK_QUERY_WAIT_MS must be a whole number from 1 to 200000, not "soon"$/,
    ],
    ['no milliseconds', { TIDEMARK_RELAY_POLL_MS: '0' }, /^TIDEMARK_RELAY_POLL_MS must be .* not "0"$/],
    ['less than nothing', { TIDEMARK_CACHED_STREAMS: '-1' }, /^TIDEMARK_CACHED_STREAMS must be /],
    ['a fraction of a second', { TIDEMARK_SCHEDULE_POLL_S: '1.5' }, /^TIDEMARK_SCHEDULE_POLL_S must be /],
    ['more seconds than a minute has', { TIDEMARK_SCHEDULE_POLL_S: '60' }, /from 1 to 59, not "60"$/],
    [
      'a number beyond all bounds',
      { TIDEMARK_CACHED_STREAMS: '9'.repeat(400) },
      /^TIDEMARK_CACHED_STREAMS must be .{1,130}$/,
    ],
    ['a number in another notation', { TIDEMARK_QUERY_WAIT_MS: '1e3' }, /^TIDEMARK_QUERY_WAIT_MS must be /],
    [
      'an address of telemetry without a scheme',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT must be an address without a query/,
    ],
    [
      'an address of telemetry without a valid host',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://[1' },
      /^OTEL_EXPORTER_OTLP_TRACES_ENDPOINT must be /,
    ],
    [
      'another protocol for telemetry',
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /^OTEL_EXPORTER_OTLP_PROTOCOL must be http\/protobuf, not "grpc"$/,
    ],
    [
      'a sampling ratio above 1',
      { OTEL_TRACES_SAMPLER_ARG: '1.1' },
      /^OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not "1.1"$/,
    ],
    [
      'a sampler that ignores the parent',
      { OTEL_TRACES_SAMPLER: 'always_on' },
      /^OTEL_TRACES_SAMPLER must be parentbased_always_on or /,
    ],
    ['yes for true', { TIDEMARK_TRUST_X_ACTOR: 'yes' }, /^TIDEMARK_TRUST_X_ACTOR must be true or false, not "yes"$/],
    ['several lines', { TIDEMARK_TRUST_X_ACTOR: 'a\nb\u2028c' }, /not "a\\nb/],
    [
      'a connection string without a key',
      { CosmosConnection: 'AccountEndpoint=https://a/;' },
      /^CosmosConnection must be a connection string, AccountEndpoint=<address>;AccountKey=<key>$/,
    ],
    [
      'a connection string of something else',
      { EventHubConnection: 'Endpoint=https://a;SharedAccessKey=b' },
      /^EventHubConnection must be a connection string, Endpoint=sb:/,
    ],
    [
      'a mistyped name',
      { TIDEMARK_QUERY_WAIT: '9' },
      /^there is no setting "TIDEMARK_QUERY_WAIT": did you mean TIDEMARK_QUERY_WAIT_MS\?$/,
    ],
    ['a name in lower case', { tidemark_trust_x_actor: 'true' }, /^there is no setting "tidemark_trust_x_actor"/],
    [
      'a name unlike any setting',
      { TIDEMARK_COLOUR: 'blue' },
      /^there is no setting "TIDEMARK_COLOUR": did you mean TIDEMARK_\w+\?$/,
    ],
    [
      'a connection by key and by identity',
      { CosmosConnection__accountEndpoint: azure.CosmosConnection__accountEndpoint },
      /^CosmosConnection and CosmosConnection__accountEndpoint are both set: leave one of them out$/,
    ],
    [
      'an identity together with a key',
      { EventHubConnection__clientId: id },
      /^EventHubConnection__clientId goes with EventHubConnection__fullyQualifiedNamespace, which is not set/,
    ],
    [
      'a key file together with a vault',
      { PersonalKeys: '/keys', PersonalKeys__vaultUri: 'https://kv-name.vault.azure.net/' },
      /^PersonalKeys and PersonalKeys__vaultUri are both set: leave one of them out$/,
    ],
    [
      'the address of a key for that of its vault',
      { PersonalKeys__vaultUri: 'https://kv-name.vault.azure.net/keys/ordering' },
      /^PersonalKeys__vaultUri must be the address of a key vault, such as /,
    ],
    [
      'an identity for keys without a vault',
      { PersonalKeys__clientId: id },
      /^PersonalKeys__clientId goes with PersonalKeys__vaultUri, which is not set: /,
    ],
    [
      'two faults at once',
      { TIDEMARK_QUERY_WAIT_MS: 'x', TIDEMARK_RELAY_POLL_MS: 'y' },
      /^TIDEMARK_QUERY_WAIT_MS .*; TIDEMARK_RELAY_POLL_MS /,
    ],
  ] as const)
    it(`${what} is refused in one line that names it`, () =>
      assert.match(refused({ ...connectionStrings, ...wrong }), line))

  for (const [what, wrong, line] of [
    [
      'an identity without an address',
      { CosmosConnection__accountEndpoint: undefined },
      /^CosmosConnection__clientId goes with CosmosConnection__accountEndpoint, which is not set: set it to the address of an account/,
    ],
    [
      'a mistyped address',
      {
        EventHubConnection__fullyQualifiedNamespace: undefined,
        EventHubConnection__fullyQualifiedNamspace: 'ns.servicebus.windows.net',
      },
      /"EventHubConnection__fullyQualifiedNamspace": did you mean EventHubConnection__fullyQualifiedNamespace\?/,
    ],
    [
      'an address for a host name',
      { EventHubConnection__fullyQualifiedNamespace: 'sb://ns.servicebus.windows.net/' },
      /^EventHubConnection__fullyQualifiedNamespace must be the host name of a namespace/,
    ],
    [
      'an account address without HTTPS',
      { CosmosConnection__accountEndpoint: 'http://account.documents.azure.com' },
      /^CosmosConnection__accountEndpoint must be /,
    ],
    [
      'a name instead of an id',
      { CosmosConnection__clientId: 'id-ordering' },
      /^CosmosConnection__clientId must be .* a GUID, not "id-ordering"$/,
    ],
  ] as const)
    it(`${what} is refused in one line that names it`, () => assert.match(refused({ ...azure, ...wrong }), line))

  it('never show a key', () => {
    for (const [name, { secret }] of settings)
      if (/^(Cosmos|EventHub)Connection$|^(AzureWebJobs|Archive)Storage$/.test(name)) assert.equal(secret, true, name)
    assert.doesNotMatch(refused({ CosmosConnection: 'AccountKey=hidden', EventHubConnection: 'hidden' }), /hidden/)
  })

  for (const [name, value] of [
    ['CosmosConnection__accountEndpoint', 'AccountEndpoint=https://a/;AccountKey=hidden'],
    ['EventHubConnection__fullyQualifiedNamespace', 'Endpoint=sb://a/;SharedAccessKey=hidden'],
    ['EventHubConnection__fullyQualifiedNamespace', 'sb://a/?sr=b&sig=hidden'],
    ['CosmosConnection__clientId', 'ClientSecret=hidden'],
  ] as const)
    it(`never show a connection string in ${name}: ${value.split('=')[0]}`, () => {
      const line = refused({ ...azure, [name]: value })
      assert.match(line, new RegExp(`^${name} must be .*, not a connection string$`))
      assert.doesNotMatch(line, /hidden/)
    })

  for (const wrong of ['hidden', 'api-key=hidden,', 'api-key=%zzhidden', 'api-key=hidden%0d%0aother: 1', 'a b=hidden'])
    it(`refuse a malformed telemetry header without showing it: ${wrong}`, () => {
      const line = refused({ ...connectionStrings, OTEL_EXPORTER_OTLP_HEADERS: wrong })
      assert.match(line, /^OTEL_EXPORTER_OTLP_HEADERS must be headers, name=value/)
      assert.doesNotMatch(line, /hidden/)
    })

  it('never show a password in a telemetry address', () =>
    assert.doesNotMatch(
      refused({ ...connectionStrings, OTEL_EXPORTER_OTLP_ENDPOINT: 'https://me:hidden@host' }),
      /hidden/,
    ))

  it('send no telemetry unless an endpoint is named', () =>
    assert.equal(
      readSettings({ ...connectionStrings, OTEL_SERVICE_NAME: 'shop', OTEL_EXPORTER_OTLP_HEADERS: 'a=b' }).otlp,
      undefined,
    ))

  it('derive telemetry addresses from the endpoint, and use one for traces or metrics unchanged', () => {
    const of = (set: Environment) => readSettings({ ...connectionStrings, ...set }).otlp
    const defaults = { headers: {}, ratio: 1, batchDelayMs: 5000, metricIntervalMs: 60_000 }
    for (const endpoint of ['http://host:4318', 'http://host:4318/'])
      assert.deepEqual(of({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), {
        ...defaults,
        tracesUrl: 'http://host:4318/v1/traces',
        metricsUrl: 'http://host:4318/v1/metrics',
      })
    assert.deepEqual(of({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://host/otlp' }), {
      ...defaults,
      tracesUrl: 'https://host/otlp',
    })
    const all = of({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://host/base',
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://other/m',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20b=c, x=1',
      OTEL_SERVICE_NAME: 'shop',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '.25',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    })
    assert.deepEqual(all, {
      tracesUrl: 'https://host/base/v1/traces',
      metricsUrl: 'https://other/m',
      headers: { 'api-key': 'a b=c', x: '1' },
      serviceName: 'shop',
      ratio: 0.25,
      batchDelayMs: 100,
      metricIntervalMs: 1000,
    })
    // A ratio without a sampler is ignored.
    assert.equal(of({ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://host', OTEL_TRACES_SAMPLER_ARG: '0' })?.ratio, 1)
  })

  it('with keys are read as set, and all others have their defaults', () => {
    const set = { ...connectionStrings, TIDEMARK_QUERY_WAIT_MS: '' }
    const { cosmos, eventHubs, archive, keyWrap, ...others } = readSettings(set)
    assert.deepEqual(keyWrap, { file: connectionStrings.PersonalKeys })
    assert.deepEqual(archive, { connectionString: connectionStrings.ArchiveStorage })
    assert.deepEqual(cosmos, { connectionString: connectionStrings.CosmosConnection })
    assert.deepEqual(eventHubs, { connectionString: connectionStrings.EventHubConnection })
    assert.deepEqual(others, {
      actorSource: 'nobody',
      archiveSeconds: 300,
      cachedStreams: 10_000,
      lagCheckSeconds: 60,
      queryWaitMs: 5000,
      relayPollMs: 500,
      schedulePollSeconds: 5,
      sendsCanaries: false,
      snapshotEvents: 1000,
    })
  })

  it('with an identity hold a name and a credential, and no key', () => {
    const { cosmos, eventHubs, archive } = readSettings(azure)
    assert.ok('serviceUri' in archive && archive.serviceUri === azure.ArchiveStorage__blobServiceUri)
    assert.ok('endpoint' in cosmos && typeof cosmos.credential.getToken === 'function')
    assert.equal(cosmos.endpoint, azure.CosmosConnection__accountEndpoint)
    assert.ok('namespace' in eventHubs && eventHubs.namespace === 'ns.servicebus.windows.net')
  })

  it('name a place for wrapping keys, which only a service with personal data must have', () => {
    const withVault = readSettings({ ...azure, PersonalKeys__vaultUri: 'https://kv-name.vault.azure.net/' })
    const place = requireKeyWrap(withVault, 'ordering')
    assert.ok('vaultUri' in place && place.vaultUri === 'https://kv-name.vault.azure.net/')
    assert.equal(typeof place.credential.getToken, 'function')
    const withFile = readSettings({ ...connectionStrings, PersonalKeys: '/keys' })
    assert.deepEqual(requireKeyWrap(withFile, 'ordering'), { file: '/keys' })
    assert.throws(() => requireKeyWrap(readSettings({ ...connectionStrings, PersonalKeys: '' }), 'ordering'), {
      code: 'setting-invalid',
      message:
        'PersonalKeys is not set: set it to the path of a key file; or PersonalKeys__vaultUri to the address of a ' +
        'key vault, such as https://kv-name.vault.azure.net/: ordering has or reads personal data',
    })
  })

  it('accept numbers within their bounds', () => {
    const { queryWaitMs, schedulePollSeconds, lagCheckSeconds, ...others } = readSettings({
      ...connectionStrings,
      TIDEMARK_QUERY_WAIT_MS: '200000',
      TIDEMARK_SCHEDULE_POLL_S: '59',
      TIDEMARK_LAG_CHECK_S: '1',
      TIDEMARK_REBUILD_RU: '400',
      TIDEMARK_CACHED_STREAMS: '1',
      TIDEMARK_SNAPSHOT_EVENTS: '1000000',
      TIDEMARK_RELAY_POLL_MS: '20',
    })
    assert.deepEqual([queryWaitMs, schedulePollSeconds, others.cachedStreams, others.relayPollMs], [200_000, 59, 1, 20])
    assert.deepEqual([others.snapshotEvents, lagCheckSeconds, others.rebuildRequestUnits], [1_000_000, 1, 400])
  })

  it('ignore the names of the local cloud and of an environment', () => {
    const others = Object.fromEntries([...otherNames, 'TIDEMARK_TEST_ANYTHING'].map((name) => [name, 'x']))
    assert.doesNotThrow(() => readSettings({ ...connectionStrings, ...others, TIDEMARK_COLOUR: '' }))
  })

  it('cover every name in the code, the commands and the infrastructure', () => {
    const files = globSync('{src,functions,packages,infra,bench}/**/*.{ts,bicep,bicepparam}', {
      cwd: root,
      exclude: ['**/node_modules', '**/test', '**/*.test.ts'],
    })
    assert.ok(files.length > 200, `only ${files.length} files were read`)
    const found = new Set(
      files.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/\bTIDEMARK_[A-Z_]*[A-Z]\b/g) ?? []),
    )
    const known = [...found].filter((name) => settings.has(name) || isOtherName(name))
    assert.deepEqual(
      [...found].filter((name) => !known.includes(name)),
      [],
    )
    assert.ok(found.size > 20, `only ${found.size} names were found`)
  })

  it('exclude exactly the names of the local cloud and of infra/main.bicepparam', () => {
    const deployment = new Set(
      readFileSync(join(root, 'infra/main.bicepparam'), 'utf8').match(/TIDEMARK_[A-Z_]*[A-Z]/g),
    )
    assert.ok(deployment.size >= 3)
    assert.deepEqual([...otherNames].toSorted(), [...Object.keys(localSettings), ...deployment].toSorted())
  })
})

describe('the nearest name', () => {
  it('is the name itself, or the one that lost a character', () => {
    const names = [...settings.keys()]
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), (name, at) => {
        const cut = at % name.length
        assert.equal(nearest(name, names), name)
        assert.equal(nearest(name.slice(0, cut) + name.slice(cut + 1), names), name)
      }),
    )
  })

  it('is undefined without candidates', () => assert.equal(nearest('TIDEMARK_FAST', []), undefined))
})
