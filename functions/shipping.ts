import { serve } from '../packages/tidemark/serve.ts'
import { shipping } from '../src/shipping/service.ts'

serve(shipping)
