import { inventory } from '../src/services/inventory/service.ts'
import { ordering } from '../src/services/ordering/service.ts'

/** Every service there is: the one list to extend with a service of your own. */
export const services = [ordering, inventory]
