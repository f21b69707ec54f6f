import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cosmosConnection, eventHubsConnection, numberSetting } from '../../src/settings.ts'

describe('settings', () => {
  it('a connection that is not set is refused by a line that names both ways to set it', () => {
    assert.throws(() => cosmosConnection({}), {
      code: 'setting-invalid',
      message: /CosmosConnection.*CosmosConnection__accountEndpoint/,
    })
    assert.throws(() => eventHubsConnection({ EventHubConnection: '' }), {
      code: 'setting-invalid',
      message: /EventHubConnection.*EventHubConnection__fullyQualifiedNamespace/,
    })
  })

  it('a connection string is taken as it is', () => {
    assert.deepEqual(cosmosConnection({ CosmosConnection: 'AccountEndpoint=x' }), {
      connectionString: 'AccountEndpoint=x',
    })
    assert.deepEqual(eventHubsConnection({ EventHubConnection: 'Endpoint=x' }), { connectionString: 'Endpoint=x' })
  })

  it('an identity-based connection has the name and a credential, and no key', () => {
    const cosmos = cosmosConnection({
      CosmosConnection__accountEndpoint: 'https://account.documents.azure.com',
      CosmosConnection__clientId: 'id',
    })
    assert.ok('endpoint' in cosmos && typeof cosmos.credential.getToken === 'function')
    const hubs = eventHubsConnection({ EventHubConnection__fullyQualifiedNamespace: 'ns.servicebus.windows.net' })
    assert.ok('namespace' in hubs && hubs.namespace === 'ns.servicebus.windows.net')
  })

  it('a number is a whole one from 1 on, or is refused by name', () => {
    assert.equal(numberSetting({}, 'N', 7), 7)
    assert.equal(numberSetting({ N: '' }, 'N', 7), 7)
    assert.equal(numberSetting({ N: '20' }, 'N', 7), 20)
    for (const N of ['0', '-1', '1.5', 'many', '1e999'])
      assert.throws(() => numberSetting({ N }, 'N', 7), { code: 'setting-invalid', message: /^N / })
    assert.equal(numberSetting({ N: '59' }, 'N', 7, 59), 59)
    assert.throws(() => numberSetting({ N: '60' }, 'N', 7, 59), { code: 'setting-invalid', message: /from 1 to 59/ })
  })
})
