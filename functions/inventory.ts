import { serve } from '../packages/tidemark/serve.ts'
import { inventory } from '../src/inventory/service.ts'

serve(inventory)
