import { serve } from '../packages/tidemark/serve.ts'
import { payments } from '../src/payments/service.ts'

serve(payments)
