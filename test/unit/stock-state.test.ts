import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyDecider } from 'tidemark/tools'
import { stockWithReservations } from '../../bench/fold/stock-with-reservations.ts'
import { stock } from '../../src/inventory/stock.ts'

const units = (order: number) => ({ sku: 'tea', orderId: `order-${order}`, quantity: 1 })

/** The state of a product with `open` open orders of one unit each. */
function stateWith(open: number, decider: AnyDecider): unknown {
  let state: unknown = decider.evolve(decider.initial, {
    type: 'StockReceived',
    data: { sku: 'tea', quantity: open + 1 },
  })
  for (let order = 0; order < open; order += 1)
    state = decider.evolve(state, { type: 'UnitsReserved', data: units(order) })
  return state
}

/** Counts every access to a state: its properties, their names, and those of nested values. */
function watched(state: unknown, looked: () => void): unknown {
  if (typeof state !== 'object' || state === null) return state
  return new Proxy(state, {
    get(target, key, receiver) {
      looked()
      return watched(Reflect.get(target, key, receiver), looked)
    },
    has(target, key) {
      looked()
      return Reflect.has(target, key)
    },
    ownKeys(target) {
      looked()
      return Reflect.ownKeys(target)
    },
    getOwnPropertyDescriptor(target, key) {
      looked()
      return Reflect.getOwnPropertyDescriptor(target, key)
    },
  })
}

/** The number of accesses to the state for each kind of event. */
function looksAt(open: number, decider: AnyDecider): Record<string, number> {
  const state = stateWith(open, decider)
  const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 1 } }
  const adjusted = { type: 'StockAdjusted', data: { sku: 'tea', change: 1, reason: 'found' } }
  const declined = { type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'late', requested: 2, available: 1 } }
  const moves = ['UnitsReserved', 'UnitsReleased', 'UnitsShipped', 'UnitsReturned'].map((type) => ({
    type,
    data: units(type === 'UnitsReserved' ? open : 0),
  }))
  return Object.fromEntries(
    [received, adjusted, declined, ...moves].map((event) => {
      let looks = 0
      const count = (): void => {
        looks += 1
      }
      decider.evolve(watched(state, count), event)
      return [event.type, looks]
    }),
  )
}

/** The number of values in a state. */
function countValues(state: unknown): number {
  if (typeof state !== 'object' || state === null) return 1
  return Object.values(state).reduce((sum, value) => sum + countValues(value), 0)
}

describe('a product in many open orders', () => {
  it('folds each event with as little work as one in few orders', () => {
    const [few, many] = [looksAt(2, stock), looksAt(2_000, stock)]
    assert.deepEqual(Object.keys(many).toSorted(), stock.events.map(({ name }) => name).toSorted())
    assert.deepEqual(many, few)
  })
  it('has as small a state as one in few orders', () =>
    assert.equal(countValues(stateWith(2_000, stock)), countValues(stateWith(2, stock))))
  it('would show growth with a state of all open reservations, which costs more and is larger', () => {
    const [few, many] = [looksAt(2, stockWithReservations), looksAt(2_000, stockWithReservations)]
    assert.ok((many.UnitsReserved ?? 0) > (few.UnitsReserved ?? 0) + 1_000)
    assert.ok(countValues(stateWith(2_000, stockWithReservations)) > 2_000)
  })
})
