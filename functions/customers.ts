import { serve } from 'tidemark/azure-functions'
import { customers } from '../src/customers/service.ts'

serve(customers)
