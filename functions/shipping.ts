import { serve } from '../src/serve.ts'
import { shipping } from '../src/services/shipping/service.ts'

serve(shipping)
