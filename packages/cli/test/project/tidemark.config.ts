import { defineConfig, type Service } from 'tidemark'
import { ordering } from '../../../tidemark/test/domain/orders.ts'
import { inventory } from '../../../tidemark/test/domain/stock.ts'

const bare = (name: string): Service => ({ name, deciders: [], publishes: [], views: [], reactions: [] })

/** The project that the tests of the commands run in. */
export default defineConfig({ services: [ordering, inventory, bare('payments'), bare('shipping')] })
