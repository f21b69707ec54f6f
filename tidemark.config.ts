import { defineConfig } from 'tidemark'
import { inventory } from './src/inventory/service.ts'
import { ordering } from './src/ordering/service.ts'
import { payments } from './src/payments/service.ts'
import { shipping } from './src/shipping/service.ts'

/** What is run, tested and deployed from here: a service of your own is one name more. */
export default defineConfig({ services: [ordering, inventory, payments, shipping] })
