import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import type { ServiceStatus } from 'tidemark/tools'
import { listConcerns } from '../../../tidemark/core/status.ts'
import type { StatusAnswer } from '../../api/answers.ts'
import { build } from '../../tidemark/doctor/checkout.ts'
import { checkKeyFile } from '../../tidemark/doctor/local-cloud.ts'
import { listFindings } from '../../tidemark/doctor/running-services.ts'

describe('the build', () => {
  it('matches the current sources, or the doctor names one that changed, whatever the file times', (t) => {
    const root = mkdtempSync(join(tmpdir(), 'tidemark-doctor-'))
    t.after(() => rmSync(root, { recursive: true }))
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    const findings = (): string =>
      build(root)
        .map(({ result, detail }) => `${result}: ${detail}`)
        .join()
    const sources = ['functions/ordering.ts', 'src/money.ts']
    const note = (...texts: readonly string[]): void =>
      write(
        'dist/.tsbuildinfo',
        JSON.stringify({
          fileNames: sources.map((path) => `../${path}`),
          fileInfos: texts.map((text, index) => {
            const version = createHash('sha256').update(text).digest('hex')
            return index === 0 ? version : { version }
          }),
        }),
      )

    for (const path of sources) write(path, path)
    write('src/money.test.ts', 'is not built')
    write('packages/tidemark/serve.ts', 'is run as it stands')
    assert.match(findings(), /^warning: nothing is built/)
    for (const path of sources) write(`dist/${path.replace('.ts', '.js')}`, '')
    note(...sources)
    assert.equal(findings(), 'ok: matches 2 sources')
    write('src/money.ts', 'changed')
    assert.equal(findings(), 'wrong: built before src/money.ts changed')
    note('functions/ordering.ts', 'changed')
    write('dist/src/gone.js', '')
    assert.equal(findings(), 'wrong: dist/src/gone.js no longer has a source')
    rmSync(join(root, 'dist/src/gone.js'))
    rmSync(join(root, 'dist/functions/ordering.js'))
    assert.equal(findings(), 'wrong: built before functions/ordering.ts changed')
    write('dist/.tsbuildinfo', JSON.stringify({ fileNames: sources.map((path) => `../${path}`), fileInfos: [1, 2] }))
    assert.match(findings(), /^unseen: /)
  })
})

describe('the key file', () => {
  it('is reported if others may read it, and is no finding before it exists', {
    skip: process.platform === 'win32',
  }, () => {
    const shown = (mode: number | undefined): string => {
      const { result, detail, todo = '' } = checkKeyFile('k', mode === undefined ? undefined : { mode })
      return `${result}: ${detail} ${todo}`.trim()
    }
    for (const mode of [0o100640, 0o100604, 0o100666]) assert.equal(shown(mode), 'wrong: others may read k chmod 600 k')
    assert.equal(shown(0o100600), "ok: k is its owner's")
    assert.equal(shown(undefined), 'ok: k does not exist: npm start creates it')
  })
})

describe('a service that answers', () => {
  const consumer = {
    ...{ consumer: 'ordering-views', hub: 'ordering', events: 0, seconds: 0, instances: 1, paused: [] },
    partitions: [{ partition: '0', handled: 7, last: 7, events: 0, seconds: 0 }],
  }
  const well: ServiceStatus = {
    ...{ service: 'ordering', build: 'b', time: '2026-01-31T12:00:00.000Z', clockSkewMs: 12, unknown: [] },
    ...{ relay: { commits: 0, more: false, seconds: 0 }, consumers: [consumer], parked: [] },
  }
  const findings = (status: ServiceStatus): readonly string[] => {
    const answer: StatusAnswer = { ...status, concerns: listConcerns(status) }
    return listFindings(answer, false)
      .filter(({ result }) => result !== 'ok')
      .map(
        ({ area, what, result, detail, todo }) =>
          `${area}: ${what}: ${result}: ${detail}${todo ? '' : ': nothing to do'}`,
      )
  }

  it('and is healthy has no findings', () => assert.deepEqual(findings(well), []))

  const cases: readonly (readonly [what: string, status: ServiceStatus, expected: readonly string[]])[] = [
    [
      'whose hub was recreated',
      {
        ...well,
        consumers: [
          {
            ...consumer,
            partitions: [{ ...consumer.partitions[0], partition: '0', handled: 7, last: 2, events: 0, seconds: 0 }],
          },
        ],
      },
      ['consumers: ordering-views of ordering: wrong: has handled 7 of partition 0, which ends with 2'],
    ],
    [
      'that is behind',
      { ...well, consumers: [{ ...consumer, events: 9, seconds: 61 }] },
      ['consumers: ordering-views of ordering: warning: 61 s and 9 events behind'],
    ],
    [
      'whose consumer does not run',
      { ...well, consumers: [{ ...consumer, events: 9, instances: 0 }] },
      ['consumers: ordering-views of ordering: warning: 9 events wait, and no instance reads them'],
    ],
    [
      'with a handler that has paused',
      { ...well, consumers: [{ ...consumer, paused: ['order@1'] }] },
      ['consumers: ordering-views of ordering: wrong: order@1 paused after too many failures'],
    ],
    [
      'whose hub cannot be reached',
      { ...well, consumers: [], unknown: [{ part: 'ordering-views', reason: 'the hub cannot be read: away' }] },
      ['consumers: ordering-views: wrong: the hub cannot be read: away'],
    ],
    [
      'with parked streams',
      { ...well, parked: [{ consumer: 'ordering-views', streams: 2, messages: 0, codes: {} }] },
      ['parked: ordering-views: warning: 2 streams, 0 messages'],
    ],
    ['whose clock is off', { ...well, clockSkewMs: -9_000 }, ["clocks: ordering: warning: -9000 ms off the store's"]],
    [
      'whose relay makes no progress',
      { ...well, relay: { commits: 100, more: true, seconds: 99 } },
      ['services: ordering: warning: the relay is 99 s behind: more than 100 commits are not published'],
    ],
  ]
  for (const [what, status, expected] of cases)
    it(`${what}: is reported once, with what to do`, () => assert.deepEqual(findings(status), expected))
})
