import { canary, canaryView, published, type Service } from 'tidemark'
import {
  PaymentAuthorised,
  PaymentCaptured,
  PaymentDeclined,
  PaymentExpired,
  PaymentRefunded,
  PaymentVoided,
} from './contract.ts'
import { AuthorisationKept, DeclineKept, RefundKept, VoidKept } from './events.ts'
import { payment } from './payment.ts'
import { paymentRequests } from './payment-requests.ts'
import { paymentView } from './payment-view.ts'
import { takings } from './takings.ts'

/** Takes the money of orders in their time, and gives it back. The bank's references, and why something was voided or refunded, stay here. */
export const payments: Service = {
  name: 'payments',
  deciders: [payment, canary],
  publishes: [
    published(AuthorisationKept, PaymentAuthorised, ({ orderId, amount }) => ({ orderId, amount })),
    published(DeclineKept, PaymentDeclined, ({ orderId, reason }) => ({ orderId, reason })),
    published(PaymentCaptured),
    published(PaymentExpired),
    published(VoidKept, PaymentVoided, ({ orderId }) => ({ orderId })),
    published(RefundKept, PaymentRefunded, ({ orderId, amount }) => ({ orderId, amount })),
  ],
  views: [paymentView, takings, canaryView],
  reactions: [paymentRequests],
  resources: [
    {
      path: 'payments',
      documents: { view: paymentView, list: 'payments', one: 'payment' },
      commands: { decider: payment, offered: ['authorise', 'decline', 'refund'] },
    },
    { path: 'takings', documents: { view: takings, list: 'takings', one: 'takings-of-currency', key: 'currency' } },
  ],
}
