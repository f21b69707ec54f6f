import { inventory } from '../src/services/inventory/service.ts'
import { ordering } from '../src/services/ordering/service.ts'
import { payments } from '../src/services/payments/service.ts'
import { shipping } from '../src/services/shipping/service.ts'

/** Every service there is: the one list to extend with a service of your own. */
export const services = [ordering, inventory, payments, shipping]
