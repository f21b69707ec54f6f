import { app } from '@azure/functions'
import { commandCreating, commandTo } from '../src/adapters/functions/commands.ts'
import { eventsOf, stateOf } from '../src/adapters/functions/history.ts'
import { http } from '../src/adapters/functions/http.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { projectionOf, reactionOf, relayOf, scheduleOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { orderFulfilment } from '../src/services/ordering/fulfilment-process.ts'
import { fulfilmentView } from '../src/services/ordering/fulfilment-view.ts'
import { order } from '../src/services/ordering/order.ts'
import { orderView } from '../src/services/ordering/order-view.ts'
import { salesByProduct } from '../src/services/ordering/sales-by-product.ts'
import { ordering } from '../src/services/ordering/service.ts'

const service = compose(ordering)
const orders = documentsOf(service, orderView)
const oneOrder = documentOf(service, orderView, 'id')
const sales = documentsOf(service, salesByProduct)
const salesOfProduct = documentOf(service, salesByProduct, 'sku')

// Commands and queries
app.http('ordering-orders', http('ordering/orders', { GET: orders, POST: commandCreating(service, order, 'place') }))
app.http('ordering-order', http('ordering/orders/{id}', { GET: oneOrder }))
app.http(
  'ordering-order-command',
  http('ordering/orders/{id}/{command}', {
    POST: commandTo(service, order, ['place', 'change-shipping-address', 'cancel']),
  }),
)
app.http('ordering-sales', http('ordering/sales-by-product', { GET: sales }))
app.http('ordering-sales-of-product', http('ordering/sales-by-product/{sku}', { GET: salesOfProduct }))
app.http('ordering-fulfilments', http('ordering/fulfilments', { GET: documentsOf(service, fulfilmentView) }))
app.http('ordering-fulfilment', http('ordering/fulfilments/{id}', { GET: documentOf(service, fulfilmentView, 'id') }))
app.http('ordering-no-route', http('ordering/{*path}', {}))

// What was: any stream's events, and its state at a version or a moment
app.http('ordering-events', http('ordering/streams/{stream}/events', { GET: eventsOf(service) }))
app.http('ordering-state', http('ordering/streams/{stream}/state', { GET: stateOf(service) }))

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
