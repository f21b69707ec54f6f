import '../src/adapters/functions/node-version.ts'
import { app } from '@azure/functions'
import { commandCreating, commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { serve } from '../src/adapters/functions/routes.ts'
import { projectionOf, reactionOf, relayOf, scheduleOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { orderFulfilment } from '../src/services/ordering/fulfilment-process.ts'
import { fulfilmentView } from '../src/services/ordering/fulfilment-view.ts'
import { order } from '../src/services/ordering/order.ts'
import { orderView } from '../src/services/ordering/order-view.ts'
import { salesByProduct } from '../src/services/ordering/sales-by-product.ts'
import { ordering } from '../src/services/ordering/service.ts'

const service = compose(ordering)

// Commands and queries; serve adds what was: any stream's events, and its state at a version or a moment
serve(service, [
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

// Log → hub
app.cosmosDB('ordering-relay', relayOf(service))

// Hub → views
app.eventHub('ordering-order-view', projectionOf(service, orderView))
app.eventHub('ordering-sales-by-product-view', projectionOf(service, salesByProduct))
app.eventHub('ordering-fulfilment-view', projectionOf(service, fulfilmentView))

// Hubs of all services → the process manager, and its commands that wait for their time
for (const reaction of orderFulfilment.reactions)
  app.eventHub(`ordering-${reaction.name}`, reactionOf(service, reaction))
app.timer('ordering-schedule', scheduleOf(service))
