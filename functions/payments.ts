import { serve } from 'tidemark/azure-functions'
import { payments } from '../src/payments/service.ts'

serve(payments)
