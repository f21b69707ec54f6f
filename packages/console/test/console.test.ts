import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildTree, sortEvents, type Traced } from '../lib/causes.ts'
import { listChanges, listRows } from '../lib/diff.ts'
import { schemaChanges } from '../lib/schema-diff.ts'

const event = (stream: string, version: number, causation: string, second = 0): Traced => ({
  service: stream.split('-')[0] ?? '',
  event: {
    id: `${version}`,
    stream,
    version,
    source: '',
    time: new Date(second * 1000).toISOString(),
    type: 'Something',
    schemaVersion: 1,
    data: {},
    correlation: 'c',
    causation,
    actor: 'a',
    previousHash: '',
    hash: '',
  },
})
const named = ({ event: { stream, version } }: Traced): string => `${stream}@${version}`

describe('a trace in the console', () => {
  it('orders the events of one stream by version, even if the clocks of hosts differ', () => {
    const events = [event('a-1', 2, 'a-1@1', 1), event('a-1', 1, 'command:k', 2)]
    assert.deepEqual(sortEvents(events).map(named), ['a-1@1', 'a-1@2'])
  })

  it('puts each event below its cause, and events without a known cause at the top', () => {
    const events = [
      event('b-1', 1, 'a-1@1', 2),
      event('c-1', 1, 'elsewhere-1@9', 5),
      event('a-1', 2, 'b-1@1', 3),
      event('a-1', 1, 'command:k', 1),
    ]
    const tree = buildTree(events).map((caused) => [named(caused), caused.depth])
    assert.deepEqual(tree, [
      ['a-1@1', 0],
      ['b-1@1', 1],
      ['a-1@2', 2],
      ['c-1@1', 0],
    ])
  })

  it('shows an event once if the causes form a cycle', () => {
    const events = [event('a-1', 1, 'command:k'), event('b-1', 1, 'c-1@1'), event('c-1', 1, 'b-1@1')]
    assert.deepEqual(buildTree(events).map(named), ['a-1@1', 'b-1@1', 'c-1@1'])
  })
})

describe('changes in the console', () => {
  it('name each value that was added, changed or removed, with its old value', () => {
    const before = { status: 'placed', address: { street: 'Quay', city: 'Ghent' }, note: { text: 'x' }, lines: [1, 2] }
    const after = { status: 'placed', address: { street: 'Harbour', city: 'Ghent', box: 3 }, lines: [1] }
    const changes = listChanges(after, before).map(({ path, change, before: old, value }) => [path, change, old, value])
    assert.deepEqual(changes, [
      ['address.street', 'changed', 'Quay', 'Harbour'],
      ['address.box', 'added', undefined, 3],
      ['lines.1', 'removed', 2, undefined],
      ['note.text', 'removed', 'x', undefined],
    ])
  })

  it('show an empty list as a value, and report when it is filled', () => {
    assert.deepEqual(
      listRows({ lines: [] }, undefined, false).map(({ path, value }) => [path, value]),
      [['lines', []]],
    )
    assert.equal(listChanges({ lines: [1] }, { lines: [] }).length, 1)
  })

  it('report fields of a schema that are new, optional now, or have other bounds', () => {
    const of = (properties: object, required: string[]) => ({ type: 'object', properties, required })
    const text = { type: 'string' }
    const changes = schemaChanges(
      of({ a: { ...text, maxLength: 5 }, b: text, d: { type: 'array', items: of({ e: text }, []) } }, ['a', 'd']),
      of({ a: text, b: text, c: text }, ['a', 'b', 'c']),
    )
    assert.deepEqual(
      changes.map(({ path, change }) => [path, change]),
      [
        ['a', 'changed'],
        ['b', 'changed'],
        ['d', 'added'],
        ['d[]', 'added'],
        ['d[].e', 'added'],
        ['c', 'removed'],
      ],
    )
  })
})
