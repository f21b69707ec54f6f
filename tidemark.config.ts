import { defineConfig } from 'tidemark'
import { customers } from './src/customers/service.ts'
import { inventory } from './src/inventory/service.ts'
import { ordering } from './src/ordering/service.ts'
import { payments } from './src/payments/service.ts'
import { shipping } from './src/shipping/service.ts'

/** The services that are run, tested and deployed from here. Add your own service to this list. */
export default defineConfig({ services: [ordering, inventory, payments, shipping, customers] })
