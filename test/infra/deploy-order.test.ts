import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readersFirst } from '../../packages/cli/deploy-order/order.ts'
import { findBreaks } from '../../packages/cli/gate/compare-events.ts'
import { type Documents, parseDocuments } from '../../packages/cli/gate/documents.ts'
import { services } from '../../packages/cli/project/config.ts'
import { readSchemas } from '../../packages/cli/schemas/schema-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const names = services.map(({ name }) => name)
const released = parseDocuments(readSchemas(join(root, 'schemas')))

/** The declarations with one more version of each of these events. */
const changed = (change: string, ...files: readonly string[]): Documents =>
  new Map([...released, ...files.map((file) => [`${file}.v99.json`, { 'x-change': change }] as const)])

const before = (order: readonly string[], one: string, other: string): boolean =>
  order.indexOf(one) < order.indexOf(other)

describe('the order of a deployment', () => {
  it('is unchanged if nothing breaks', () => {
    assert.ok(released.size > 20)
    for (const now of [released, changed('additive', 'ordering/contract/PaymentRequested')])
      assert.deepEqual(readersFirst(names, findBreaks(released, now)), { services: names, reasons: [] })
    // Nobody else reads a private event.
    assert.deepEqual(findBreaks(released, changed('breaking', 'ordering/events/OrderPlaced')), [])
  })

  it('deploys every follower of a breaking event before its writer', () => {
    let looked = 0
    for (const file of [...released.keys()].filter((each) => /^[^/]+\/contract\//.test(each))) {
      const [event = ''] = file.split('.v')
      const breaks = findBreaks(released, changed('breaking', event))
      const [writer = ''] = event.split('/')
      const { services: order } = readersFirst(names, breaks)
      assert.deepEqual(order.toSorted(), names.toSorted())
      assert.equal(breaks.length, 1)
      for (const follower of breaks.flatMap(({ followers }) => followers)) {
        looked++
        assert.ok(before(order, follower, writer), `${event}: ${order.join()}`)
      }
    }
    assert.ok(looked >= 4, `only ${looked} followers`)
  })

  it('says which service waits if two break what the other follows, and includes all', () => {
    const { services: order, reasons } = readersFirst(
      ['a', 'b', 'c'],
      [
        { writer: 'a', event: 'A version 2', followers: ['b'] },
        { writer: 'b', event: 'B version 2', followers: ['a', 'c'] },
      ],
    )
    assert.deepEqual(order, ['c', 'a', 'b'])
    assert.deepEqual(reasons, [
      'b waits at A version 2 of a until it is deployed: each breaks an event the other follows',
      'a before b: B version 2',
      'c before b: B version 2',
    ])
  })

  const run = (...args: readonly string[]) => {
    const command = join(root, 'packages/cli/deploy-order.ts')
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: 'utf8' })
    return { status, stdout, stderr: stderr.trim() }
  }

  it('is printed for a shell, with the comparison on stderr', () => {
    const { status, stdout, stderr } = run('--against', 'HEAD')
    assert.equal(status, 0)
    assert.deepEqual(stdout.trim().split('\n').toSorted(), names.toSorted())
    assert.match(stderr.split('\n')[0] ?? '', /^since HEAD: \d+ of [1-9]\d* versions of events break$/)
    assert.equal(run('--against', '0'.repeat(40)).status, 0)
  })

  for (const [what, args, line] of [
    ['no commit', [], /^--against must name the deployed commit$/],
    ['an unknown commit', ['--against', 'nowhere'], /^git knows no commit nowhere here: fetch it first$/],
  ] as const)
    it(`is refused for ${what}`, () => {
      const { status, stdout, stderr } = run(...args)
      assert.deepEqual([status, stdout], [1, ''])
      assert.match(stderr, line)
    })
})
