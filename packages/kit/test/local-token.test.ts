import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { bearer, newToken, readToken, requiredTokenFile, showsToken } from '../local-token.ts'
import { isSharedBy, linuxPeople } from '../people.ts'

describe('the token of a data folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-token-'))
    process.env.TIDEMARK_REQUIRE_TOKEN = '1'
  })
  afterEach(async () => {
    delete process.env.TIDEMARK_REQUIRE_TOKEN
    await rm(folder, { recursive: true, force: true })
  })
  const readMode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777

  it('is created with its folder if required, and no other user can read them', async () => {
    const data = join(folder, 'data')
    const file = await requiredTokenFile(data)
    assert.equal(file, join(data, 'token'))
    assert.match(readToken(file ?? ''), /^[\w-]{43}$/)
    assert.deepEqual([await readMode(data), await readMode(file ?? '')], [0o700, 0o600])
  })

  it('stays the same at each start, and its file becomes private again', async () => {
    const file = (await requiredTokenFile(folder)) ?? ''
    const before = readToken(file)
    await chmod(file, 0o644)
    assert.equal(await requiredTokenFile(folder), file)
    assert.deepEqual([readToken(file), await readMode(file)], [before, 0o600])
  })

  it('is one for two processes that start at the same moment', async () => {
    const [one = '', other = ''] = await Promise.all([requiredTokenFile(folder), requiredTokenFile(folder)])
    assert.equal(readToken(one), readToken(other))
  })

  it('is not required if the setting says so, and a malformed one is reported', async () => {
    process.env.TIDEMARK_REQUIRE_TOKEN = '0'
    assert.equal(await requiredTokenFile(folder), undefined)
    process.env.TIDEMARK_REQUIRE_TOKEN = 'yes'
    await assert.rejects(requiredTokenFile(folder), { name: 'StartError', message: /TIDEMARK_REQUIRE_TOKEN is "yes"/ })
    const file = join(folder, 'token')
    await writeFile(file, 'short')
    assert.throws(() => readToken(file), { name: 'StartError', message: /holds no token/ })
    assert.throws(() => readToken(join(folder, 'none')), { name: 'StartError', message: /cannot be read/ })
  })

  it('allows requests with the whole token, and no others', () => {
    const token = newToken()
    const shows = (authorization?: string): boolean =>
      showsToken({ headers: { authorization } } as IncomingMessage, token)
    for (const shown of [bearer(token), `bearer ${token}`, `BEARER  ${token}`]) assert.equal(shows(shown), true, shown)
    for (const shown of [
      undefined,
      '',
      token,
      'Bearer',
      'Bearer ',
      `Basic ${token}`,
      bearer(token.slice(1)),
      bearer(`${token}a`),
      bearer(token.toLowerCase()),
      bearer(newToken()),
    ])
      assert.equal(shows(shown), false, shown)
  })
})

describe('a machine', () => {
  const passwd = (...people: readonly string[]): string =>
    [
      'root:x:0:0:root:/root:/bin/bash',
      'daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin',
      'postgres:x:113:120::/var/lib/postgresql:/bin/bash',
      'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
      ...people,
      '',
    ].join('\n')
  const ada = 'ada:x:1000:1000:Ada,,,:/home/ada:/bin/bash'
  const bob = 'bob:x:1001:1001::/home/bob:/usr/bin/zsh'
  const robot = 'robot:x:1002:1002::/home/robot:/usr/sbin/nologin'

  for (const [what, lines, own, shared] of [
    ['with one person is not shared', [ada, robot], 1000, false],
    ['with two people is shared', [ada, bob], 1001, true],
    ['with two people is shared, also for root', [ada, bob], 0, true],
    ['with only root is not shared: a container', [], 0, false],
    ['with one person is not shared, also for root', [ada], 0, false],
    ['whose user is not among its accounts is shared: others may also come from a directory', [ada], 70_001, true],
    ['without user ids is shared', [ada], undefined, true],
  ] as const)
    it(what, () => assert.equal(isSharedBy(linuxPeople(passwd(...lines), ''), own), shared))

  it('has people within its own bounds of user ids', () => {
    assert.deepEqual(linuxPeople(passwd('eve:x:500:500::/home/eve:/bin/sh'), ''), [])
    assert.deepEqual(linuxPeople(passwd('eve:x:500:500::/home/eve:/bin/sh'), '# UID_MIN 9\nUID_MIN\t\t 500\n'), [500])
    assert.deepEqual(linuxPeople(passwd(ada, 'eve:x:70000:1::/home/eve:'), 'UID_MAX 80000'), [1000, 70_000])
  })
})
