import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { type Caused, causationTrees, formatEventId, type Node, treeLines } from '../../tidemark/output/tree.ts'

function event(position: string, causation: string, minute = 0): Caused {
  const [stream = '', version] = position.split('@')
  return {
    stream,
    version: Number(version),
    causation,
    time: `2026-01-31T12:${String(minute).padStart(2, '0')}:00.000Z`,
  }
}

const drawn = (events: readonly Caused[]): readonly string[] =>
  causationTrees(events).flatMap((tree) => treeLines(tree).map(({ guide, node }) => guide + node.id))

describe('a tree of causes', () => {
  it('has each event below its cause, oldest first, across services', () => {
    const events = [
      event('payment-1@1', 'fulfilment-1@3', 4),
      event('fulfilment-1@2', 'reservation-1@1', 3),
      event('fulfilment-1@3', 'reservation-1@1', 3),
      event('reservation-1@1', 'order-1@1', 2),
      event('fulfilment-1@1', 'order-1@1', 1),
      event('order-1@1', 'command:my-first', 0),
    ]
    assert.deepEqual(drawn(events), [
      'command:my-first',
      '└─ order-1@1',
      '   ├─ fulfilment-1@1',
      '   └─ reservation-1@1',
      '      ├─ fulfilment-1@2',
      '      └─ fulfilment-1@3',
      '         └─ payment-1@1',
    ])
  })

  it('has an unknown cause as its root', () => {
    assert.deepEqual(drawn([event('order-1@2', 'fulfilment-1@2', 1), event('order-2@1', 'command:x')]), [
      'command:x',
      '└─ order-2@1',
      'fulfilment-1@2',
      '└─ order-1@2',
    ])
  })

  it('ends even if the causes form a cycle', () => {
    assert.deepEqual(drawn([event('a-1@1', 'b-1@1'), event('b-1@1', 'a-1@1', 1), event('c-1@1', 'c-1@1', 2)]), [
      'a-1@1',
      '└─ b-1@1',
      'c-1@1',
    ])
    assert.deepEqual(drawn([]), [])
  })

  it('has every event once, for any causes, even if an event comes twice', () => {
    const position = fc.integer({ min: 1, max: 6 }).map((n) => `s-${n}@1`)
    const events = fc.array(fc.tuple(position, fc.oneof(position, fc.constant('command:c')), fc.nat(59)))
    fc.assert(
      fc.property(events, (all) => {
        const made = all.map(([at, causation, minute]) => event(at, causation, minute))
        const found: string[] = []
        const walk = (node: Node<Caused>): void => {
          if (node.event) found.push(node.id)
          for (const effect of node.effects) walk(effect)
        }
        for (const tree of causationTrees(made)) walk(tree)
        assert.deepEqual(found.toSorted(), [...new Set(made.map(formatEventId))].toSorted())
      }),
    )
  })
})
