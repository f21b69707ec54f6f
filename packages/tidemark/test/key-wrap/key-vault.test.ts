import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import type { ErrorCode } from '../../core/errors.ts'
import { KeyVaultWrap } from '../../key-wrap/key-vault.ts'
import { VaultStandIn } from '../support/vault-stand-in.ts'

const NAME = 'ordering'

describe('keys wrapped by a key vault', () => {
  let vault: VaultStandIn
  let version: string
  before(async () => {
    vault = await VaultStandIn.start()
  })
  after(() => vault.stop())
  const refuses = (code: ErrorCode, message: RegExp) => (error: Error) => {
    assert.equal((error as { code?: string }).code, code, String(error))
    assert.match(error.message, message)
    assert.doesNotMatch(error.message, /1c7f caller/, 'the message names the caller')
    return true
  }
  const open = (now?: () => number): KeyVaultWrap =>
    new KeyVaultWrap({ vaultUri: vault.uri, credential: vault.credential }, NAME, {
      httpClient: vault.httpClient,
      ...(now ? { now } : {}),
    })
  const key = randomBytes(32)
  before(() => {
    version = vault.rotate(NAME)
  })
  afterEach(() => {
    vault.failures = []
    for (const right of ['get', 'wrapkey', 'unwrapkey'] as const) vault.rights.add(right)
    vault.requests.length = 0
  })

  for (const [right, operation] of [
    ['get', 'get'],
    ['wrapkey', 'wrap'],
  ] as const)
    it(`are not made without the right to ${operation}: the error says what to do`, async () => {
      vault.rights.delete(right)
      const forbidden = new RegExp(
        `^${operation} with the key https://\\S+/ordering is refused \\(ForbiddenByRbac\\): give `,
      )
      await assert.rejects(open().wrap(key), refuses('keys-refused', forbidden))
    })

  it('are not opened without the right to unwrap, and are once it is given', async () => {
    const wrapped = await open().wrap(key)
    vault.rights.delete('unwrapkey')
    const wrap = open()
    await assert.rejects(wrap.unwrap(wrapped), refuses('keys-refused', /^unwrap with /))
    vault.rights.add('unwrapkey')
    assert.deepEqual(Buffer.from(await wrap.unwrap(wrapped)), key)
  })

  it('open with the right to unwrap alone, and then none are made', async () => {
    const wrapped = await open().wrap(key)
    vault.rights.delete('get')
    vault.rights.delete('wrapkey')
    const reader = open()
    vault.requests.length = 0
    assert.deepEqual(Buffer.from(await reader.unwrap(wrapped)), key)
    assert.deepEqual(vault.requests, [`unwrapkey ${NAME}/${version}`])
    await assert.rejects(reader.wrap(key), refuses('keys-refused', /^get with /))
  })

  it('neither are made nor open while the key is disabled, and are not lost', async () => {
    const wrap = open()
    const wrapped = await wrap.wrap(key)
    vault.change(NAME, version, { enabled: false })
    await assert.rejects(wrap.unwrap(wrapped), refuses('keys-disabled', /KeyDisabled/))
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /is disabled/))
    vault.change(NAME, version, { enabled: true })
    assert.deepEqual(Buffer.from(await wrap.unwrap(wrapped)), key)
  })

  it('open after the key expired, but none are made until there is a new version', async () => {
    const wrapped = await open().wrap(key)
    vault.change(NAME, version, { exp: 1_770_000_000 })
    assert.deepEqual(Buffer.from(await open().unwrap(wrapped)), key)
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /expired at 2026-02-02T/))
    version = vault.rotate(NAME)
    assert.match(await open().wrap(key), new RegExp(`/${version} `))
    assert.deepEqual(Buffer.from(await open().unwrap(wrapped)), key)
  })

  it('name the version that wrapped them, so a rotation after an hour leaves older ones readable', async () => {
    let now = 1_800_000_000_000
    const wrap = open(() => now)
    const [first, again] = [await wrap.wrap(key), await wrap.wrap(key)]
    const by = (wrapped: string): string | undefined => wrapped.split(' ')[0]
    assert.equal(by(first), `${vault.uri}keys/${NAME}/${version}`)
    assert.notEqual(first, again)
    const rotated = vault.rotate(NAME)
    assert.equal(by(await wrap.wrap(key)), by(first))
    now += 3_600_000
    const later = await wrap.wrap(key)
    assert.equal(by(later), `${vault.uri}keys/${NAME}/${rotated}`)
    for (const each of [first, again, later]) assert.deepEqual(Buffer.from(await wrap.unwrap(each)), key)
    // One request for each operation, and one for each hour.
    const count = (operation: string): number => vault.requests.filter((each) => each.startsWith(operation)).length
    assert.deepEqual([count('get'), count('wrapkey'), count('unwrapkey')], [2, 4, 3])
    assert.deepEqual([...vault.scopes], ['https://vault.azure.net/.default'])
    version = rotated
  })

  it('are not opened if they were changed, or name another vault or key: nothing is sent there', async () => {
    const wrap = open()
    const [by = '', text = ''] = (await wrap.wrap(key)).split(' ')
    const changed = Buffer.from(text, 'base64').fill(7, 0, 9).toString('base64')
    await assert.rejects(
      wrap.unwrap(`${by} ${changed}`),
      refuses('personal-unreadable', /does not unwrap a stored key$/),
    )
    await assert.rejects(wrap.unwrap(by), refuses('personal-unreadable', /does not unwrap a stored key$/))
    vault.requests.length = 0
    for (const other of [
      `https://kv-other.vault.azure.net/keys/${NAME}/${version}`,
      `${vault.uri}keys/payments/${version}`,
      `${vault.uri}keys/${NAME}/../payments/${version}`,
      `${vault.uri}keys/${NAME}/${version}?x=1`,
      `${vault.uri}keys/${NAME}`,
      'file:0123456789abcdef',
      '',
    ])
      await assert.rejects(wrap.unwrap(`${other} ${text}`), refuses('personal-unreadable', /but only \S+ may have$/))
    assert.deepEqual(vault.requests, [])
  })

  it('wait while the vault is throttled, fails or cannot be reached: that is transient', async () => {
    const wrapped = await open().wrap(key)
    vault.failures = [
      [503, 'ServiceUnavailable'],
      [200, ''],
    ]
    assert.deepEqual(Buffer.from(await open().unwrap(wrapped)), key)
    for (const failure of [
      [429, 'Throttled'],
      [503, 'ServiceUnavailable'],
    ] as const) {
      vault.failures = [failure]
      await assert.rejects(
        open().unwrap(wrapped),
        refuses('unavailable', new RegExp(`^the vault of \\S+ did not unwrap: ${failure.join(' ')}$`)),
      )
    }
    const gone = await VaultStandIn.start()
    await gone.stop()
    const lost = new KeyVaultWrap({ vaultUri: gone.uri, credential: gone.credential }, NAME, gone)
    await assert.rejects(lost.wrap(key), refuses('unavailable', /^the vault of \S+ did not get: connect ECONNREFUSED$/))
  })

  it('are out of use, not unavailable, after the key was deleted', async () => {
    const wrap = open()
    const wrapped = await wrap.wrap(key)
    vault.delete(NAME)
    await assert.rejects(wrap.unwrap(wrapped), refuses('keys-disabled', /does not exist: recover it/))
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /does not exist/))
  })
})
