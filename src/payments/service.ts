import { canary, canaryView, published, type Service } from 'tidemark'
import {
  PaymentAuthorised,
  PaymentCaptured,
  PaymentDeclined,
  PaymentExpired,
  PaymentRefunded,
  PaymentVoided,
} from './contract.ts'
import {
  PrivatePaymentAuthorised,
  PrivatePaymentDeclined,
  PrivatePaymentRefunded,
  PrivatePaymentVoided,
} from './events.ts'
import { payment } from './payment.ts'
import { paymentRequests } from './payment-requests.ts'
import { paymentTotals } from './payment-totals.ts'
import { paymentView } from './payment-view.ts'

/**
 * Collects the money for orders and refunds it. The bank's references and the reasons of voids and refunds
 * stay private.
 */
export const payments: Service = {
  name: 'payments',
  deciders: [payment, canary],
  publishes: [
    published(PrivatePaymentAuthorised, PaymentAuthorised, ({ orderId, amount }) => ({ orderId, amount })),
    published(PrivatePaymentDeclined, PaymentDeclined, ({ orderId, reason }) => ({ orderId, reason })),
    published(PaymentCaptured),
    published(PaymentExpired),
    published(PrivatePaymentVoided, PaymentVoided, ({ orderId }) => ({ orderId })),
    published(PrivatePaymentRefunded, PaymentRefunded, ({ orderId, amount }) => ({ orderId, amount })),
  ],
  views: [paymentView, paymentTotals, canaryView],
  reactions: [paymentRequests],
  resources: [
    {
      path: 'payments',
      documents: { view: paymentView, list: 'payments', one: 'payment' },
      commands: { decider: payment, offered: ['authorise', 'decline', 'refund'] },
    },
    {
      path: 'takings',
      documents: { view: paymentTotals, list: 'takings', one: 'takings-of-currency', key: 'currency' },
    },
  ],
}
