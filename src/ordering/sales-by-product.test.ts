import { describe, it } from 'node:test'
import { project } from 'tidemark/testing'
import { keptAddress, placed as placedOnce } from '../../test/support/orders.ts'
import { salesByProduct } from './sales-by-product.ts'
import { ordering } from './service.ts'

type Line = (typeof placedOnce.data.lines)[number]

/** An order's placement and its ends. */
function order(orderId: string, currency: string, lines: Line[]) {
  const total = { currency, amount: lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0) }
  const ended = { orderId, reason: 'late', lines, total }
  return {
    placed: { type: 'OrderPlaced', data: { ...placedOnce.data, orderId, lines, total } },
    moved: { type: 'ShippingAddressChanged', data: { orderId, shippingAddress: keptAddress } },
    confirmed: { type: 'OrderConfirmed', data: { orderId } },
    rejected: { type: 'OrderRejected', data: ended },
    cancelled: { type: 'OrderCancelled', data: ended },
  } as const
}

describe('sales by product', () => {
  it('are of orders that were neither cancelled nor rejected, in any order of streams', () => {
    const tea = (quantity: number) => ({ sku: 'tea', quantity, unitPrice: 450 })
    const cup = { sku: 'cup', quantity: 1, unitPrice: 1250 }
    const [first, second] = [order('1', 'EUR', [cup, tea(2)]), order('2', 'EUR', [tea(1)])]
    const [third, fourth] = [order('3', 'NOK', [tea(4)]), order('4', 'NOK', [cup])]
    return project(ordering, salesByProduct)
      .given({
        'order-1': [first.placed, first.moved, first.confirmed],
        'order-2': [second.placed, second.confirmed, second.cancelled],
        'order-3': [third.placed],
        'order-4': [fourth.placed, fourth.rejected],
      })
      .deliveredTwice()
      .outOfOrder()
      .thenAll({
        cup: { sku: 'cup', orders: 1, quantity: 1, revenue: { EUR: 1250, NOK: 0 } },
        tea: { sku: 'tea', orders: 2, quantity: 6, revenue: { EUR: 900, NOK: 1800 } },
      })
  })
})
