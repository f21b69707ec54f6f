import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, beforeEach, describe, it } from 'node:test'
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
  beforeEach(() => {
    vault.failures = []
    for (const right of ['get', 'wrapkey', 'unwrapkey'] as const) vault.rights.add(right)
    vault.delete(NAME)
    version = vault.rotate(NAME)
    vault.requests.length = 0
  })

  for (const [right, operation] of [
    ['get', 'get'],
    ['wrapkey', 'wrap'],
  ] as const)
    it(`are not made without the right to ${operation}, and are once it is given`, async () => {
      vault.rights.delete(right)
      const wrap = open()
      const forbidden = new RegExp(
        `^${operation} with the key https://\\S+/ordering is refused \\(ForbiddenByRbac\\): give `,
      )
      await assert.rejects(wrap.wrap(key), refuses('keys-refused', forbidden))
      vault.rights.add(right)
      assert.match(await wrap.wrap(key), /^https:/)
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

  it('neither are made nor open an hour after the key was disabled, and are not lost', async () => {
    let now = Date.now()
    const wrap = open(() => now)
    const wrapped = await wrap.wrap(key)
    vault.change(NAME, version, { enabled: false })
    await assert.rejects(open().unwrap(wrapped), refuses('keys-disabled', /KeyDisabled/))
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /is disabled/))
    assert.deepEqual(Buffer.from(await wrap.unwrap(wrapped)), key)
    now += 3_600_000
    await assert.rejects(wrap.unwrap(wrapped), refuses('keys-disabled', /KeyDisabled/))
    await assert.rejects(wrap.wrap(key), refuses('keys-disabled', /KeyDisabled/))
    vault.change(NAME, version, { enabled: true })
    assert.deepEqual(Buffer.from(await wrap.unwrap(wrapped)), key)
    assert.match(await wrap.wrap(key), /^https:/)
  })

  it('open after the key expired, but none are made until there is a new version', async () => {
    const wrapped = await open().wrap(key)
    vault.change(NAME, version, { exp: 1_770_000_000 })
    assert.deepEqual(Buffer.from(await open().unwrap(wrapped)), key)
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /expired at 2026-02-02T/))
    const newer = vault.rotate(NAME)
    assert.match(await open().wrap(key), new RegExp(`/${newer} `))
    assert.deepEqual(Buffer.from(await open().unwrap(wrapped)), key)
  })

  it('name the version that wrapped them, so a rotation after a day leaves older ones readable', async () => {
    let now = 1_800_000_000_000
    const wrap = open(() => now)
    const first = await wrap.wrap(key)
    const by = (wrapped: string): string | undefined => wrapped.split(' ')[0]
    assert.equal(by(first), `${vault.uri}keys/${NAME}/${version}`)
    const rotated = vault.rotate(NAME)
    assert.equal(by(await wrap.wrap(key)), by(first))
    now += 24 * 3_600_000
    const later = await wrap.wrap(key)
    assert.equal(by(later), `${vault.uri}keys/${NAME}/${rotated}`)
    for (const each of [first, later])
      for (const reader of [wrap, open()]) assert.deepEqual(Buffer.from(await reader.unwrap(each)), key)
    assert.deepEqual([...vault.scopes], ['https://vault.azure.net/.default'])
  })

  it('of a thousand subjects cost the vault two requests, and one more where they are read', async () => {
    const keys = Array.from({ length: 1000 }, () => randomBytes(32))
    const wrap = open()
    const wrapped = await Promise.all(keys.map((each) => wrap.wrap(each)))
    assert.equal(new Set(wrapped).size, 1000)
    const reader = open()
    const read = await Promise.all(wrapped.map((each) => reader.unwrap(each)))
    assert.deepEqual(
      read.map((each) => Buffer.from(each)),
      keys,
    )
    const [get, ...crypto] = vault.requests
    assert.equal(get, `get ${NAME}/`)
    assert.deepEqual(crypto, [`wrapkey ${NAME}/${version}`, `unwrapkey ${NAME}/${version}`])
  })

  it('are not opened if they were changed, or name another vault or key: nothing is sent there', async () => {
    const wrap = open()
    const [by = '', kek = '', sealed = ''] = (await wrap.wrap(key)).split(' ')
    const change = (text: string): string => Buffer.from(text, 'base64').fill(7, 0, 9).toString('base64')
    for (const changed of [`${by} ${change(kek)} ${sealed}`, by])
      await assert.rejects(wrap.unwrap(changed), refuses('personal-unreadable', /does not unwrap a stored key$/))
    const [, , other = ''] = (await open().wrap(key)).split(' ')
    for (const changed of [change(sealed), other, ''])
      await assert.rejects(
        wrap.unwrap(`${by} ${kek} ${changed}`),
        refuses('personal-unreadable', /wrapped another one$/),
      )
    vault.requests.length = 0
    for (const place of [
      `https://kv-other.vault.azure.net/keys/${NAME}/${version}`,
      `${vault.uri}keys/payments/${version}`,
      `${vault.uri}keys/${NAME}/../payments/${version}`,
      `${vault.uri}keys/${NAME}/${version}?x=1`,
      `${vault.uri}keys/${NAME}`,
      'file:0123456789abcdef',
      '',
    ]) {
      const moved = `${place} ${kek} ${sealed}`
      await assert.rejects(open().unwrap(moved), refuses('personal-unreadable', /but only \S+ may have$/))
      // Also where the key encryption key is remembered.
      await assert.rejects(wrap.unwrap(moved), refuses('personal-unreadable', /wrapped another one$/))
    }
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
    const wrapped = await open().wrap(key)
    vault.delete(NAME)
    await assert.rejects(open().unwrap(wrapped), refuses('keys-disabled', /does not exist: recover it/))
    await assert.rejects(open().wrap(key), refuses('keys-disabled', /does not exist/))
  })
})
