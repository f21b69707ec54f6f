import '../src/adapters/functions/node-version.ts'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { register } from '../src/adapters/functions/register.ts'
import { compose } from '../src/compose.ts'
import { payment } from '../src/services/payments/payment.ts'
import { paymentView } from '../src/services/payments/payment-view.ts'
import { payments } from '../src/services/payments/service.ts'
import { takings } from '../src/services/payments/takings.ts'

const service = compose(payments)

// Commands and queries. The rest follows from the service's declaration: the history of its streams, its relay, its projection, its reactions, and
// its periodic work.
register(service, [
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
