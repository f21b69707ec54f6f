import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { eventsOf, stateOf } from '../src/adapters/functions/history.ts'
import { http } from '../src/adapters/functions/http.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { payment } from '../src/services/payments/payment.ts'
import { paymentRequests } from '../src/services/payments/payment-requests.ts'
import { paymentView } from '../src/services/payments/payment-view.ts'
import { payments } from '../src/services/payments/service.ts'
import { takings } from '../src/services/payments/takings.ts'

const service = compose(payments)

// Commands and queries
app.http('payments-payments', http('payments/payments', { GET: documentsOf(service, paymentView) }))
app.http('payments-payment', http('payments/payments/{id}', { GET: documentOf(service, paymentView, 'id') }))
app.http(
  'payments-payment-command',
  http('payments/payments/{id}/{command}', {
    POST: commandTo(service, payment, ['authorise', 'decline', 'refund']),
  }),
)
app.http('payments-takings', http('payments/takings', { GET: documentsOf(service, takings) }))
app.http(
  'payments-takings-of-currency',
  http('payments/takings/{currency}', { GET: documentOf(service, takings, 'currency') }),
)
app.http('payments-no-route', http('payments/{*path}', {}))

// What was: any stream's events, and its state at a version or a moment
app.http('payments-events', http('payments/streams/{stream}/events', { GET: eventsOf(service) }))
app.http('payments-state', http('payments/streams/{stream}/state', { GET: stateOf(service) }))

// Log → hub
app.cosmosDB('payments-relay', relayOf(service))

// Hub → views
app.eventHub('payments-payment-view', projectionOf(service, paymentView))
app.eventHub('payments-takings-view', projectionOf(service, takings))

// Other services' hubs → commands
app.eventHub('payments-payment-requests', reactionOf(service, paymentRequests))
