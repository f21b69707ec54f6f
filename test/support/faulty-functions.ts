import { compose, register } from 'tidemark/azure-functions'
import { commandCreating, commandTo } from '../../packages/tidemark/azure-functions/commands.ts'
import { documentOf } from '../../packages/tidemark/azure-functions/queries.ts'
import { order } from '../../src/ordering/order.ts'
import { type OrderDocument, orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'

/** A build of ordering with a fault: its view of orders cannot process those of some customers. */
const faulty: typeof orderView = {
  ...orderView,
  evolve(document, event) {
    const after = orderView.evolve(document, event)
    if (after?.customerId === 'throws') throw new TypeError('the view has a fault')
    return after?.customerId === 'huge' ? ({ ...after, note: 'x'.repeat(2 ** 21) } as OrderDocument) : after
  },
}
const service = compose({ ...ordering, views: ordering.views.map((view) => (view === orderView ? faulty : view)) })
register(service, [
  { name: 'orders', path: 'orders', POST: commandCreating(service, order, 'place') },
  { name: 'order', path: 'orders/{id}', GET: documentOf(service, faulty, 'id') },
  { name: 'order-command', path: 'orders/{id}/{command}', POST: commandTo(service, order, ['place', 'cancel']) },
])
