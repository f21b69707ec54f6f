import { defineConfig } from './src/config.ts'
import { inventory } from './src/services/inventory/service.ts'
import { ordering } from './src/services/ordering/service.ts'
import { payments } from './src/services/payments/service.ts'
import { shipping } from './src/services/shipping/service.ts'

/** What is run, tested and deployed from here: a service of your own is one name more. */
export default defineConfig({ services: [ordering, inventory, payments, shipping] })
