import { serve } from '../src/serve.ts'
import { inventory } from '../src/services/inventory/service.ts'

serve(inventory)
