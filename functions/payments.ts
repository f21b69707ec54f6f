import { serve } from '../src/serve.ts'
import { payments } from '../src/services/payments/service.ts'

serve(payments)
