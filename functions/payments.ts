import '../src/adapters/functions/node-version.ts'
import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { serve } from '../src/adapters/functions/routes.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { payment } from '../src/services/payments/payment.ts'
import { paymentRequests } from '../src/services/payments/payment-requests.ts'
import { paymentView } from '../src/services/payments/payment-view.ts'
import { payments } from '../src/services/payments/service.ts'
import { takings } from '../src/services/payments/takings.ts'

const service = compose(payments)

// Commands and queries; serve adds what was: any stream's events, and its state at a version or a moment
serve(service, [
  { name: 'payments', path: 'payments', GET: documentsOf(service, paymentView) },
  { name: 'payment', path: 'payments/{id}', GET: documentOf(service, paymentView, 'id') },
  {
    name: 'payment-command',
    path: 'payments/{id}/{command}',
    POST: commandTo(service, payment, ['authorise', 'decline', 'refund']),
  },
  { name: 'takings', path: 'takings', GET: documentsOf(service, takings) },
  { name: 'takings-of-currency', path: 'takings/{currency}', GET: documentOf(service, takings, 'currency') },
])

// Log → hub
app.cosmosDB('payments-relay', relayOf(service))

// Hub → views
app.eventHub('payments-payment-view', projectionOf(service, paymentView))
app.eventHub('payments-takings-view', projectionOf(service, takings))

// Other services' hubs → commands
app.eventHub('payments-payment-requests', reactionOf(service, paymentRequests))
