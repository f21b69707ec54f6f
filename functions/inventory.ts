import { serve } from 'tidemark/azure-functions'
import { inventory } from '../src/inventory/service.ts'

serve(inventory)
