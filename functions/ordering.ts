import '../src/adapters/functions/node-version.ts'
import { commandCreating, commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { register } from '../src/adapters/functions/register.ts'
import { compose } from '../src/compose.ts'
import { fulfilmentView } from '../src/services/ordering/fulfilment-view.ts'
import { order } from '../src/services/ordering/order.ts'
import { orderView } from '../src/services/ordering/order-view.ts'
import { salesByProduct } from '../src/services/ordering/sales-by-product.ts'
import { ordering } from '../src/services/ordering/service.ts'

const service = compose(ordering)

// Commands and queries. The rest follows from the service's declaration: the history of its streams, its relay, its projection, its reactions, and
// its periodic work.
register(service, [
  {
    name: 'orders',
    path: 'orders',
    GET: documentsOf(service, orderView),
    POST: commandCreating(service, order, 'place'),
  },
  { name: 'order', path: 'orders/{id}', GET: documentOf(service, orderView, 'id') },
  {
    name: 'order-command',
    path: 'orders/{id}/{command}',
    POST: commandTo(service, order, ['place', 'change-shipping-address', 'cancel']),
  },
  { name: 'sales', path: 'sales-by-product', GET: documentsOf(service, salesByProduct) },
  { name: 'sales-of-product', path: 'sales-by-product/{sku}', GET: documentOf(service, salesByProduct, 'sku') },
  { name: 'fulfilments', path: 'fulfilments', GET: documentsOf(service, fulfilmentView) },
  { name: 'fulfilment', path: 'fulfilments/{id}', GET: documentOf(service, fulfilmentView, 'id') },
])
