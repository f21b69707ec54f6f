import { serve } from 'tidemark/azure-functions'
import { order } from '../../src/ordering/order.ts'
import { type OrderDocument, orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'

/** A build of ordering with a fault: its view of orders cannot process the orders of some customers. */
const faulty: typeof orderView = {
  ...orderView,
  evolve(document, event) {
    const after = orderView.evolve(document, event)
    if (after?.customerId === 'throws') throw new TypeError('the view has a fault')
    return after?.customerId === 'huge' ? ({ ...after, note: 'x'.repeat(2 ** 21) } as OrderDocument) : after
  },
}
serve({
  ...ordering,
  views: ordering.views.map((view) => (view === orderView ? faulty : view)),
  resources: [
    {
      path: 'orders',
      documents: { view: faulty, list: 'orders', one: 'order' },
      commands: { decider: order, creates: 'place', offered: ['place', 'cancel'] },
    },
  ],
})
