import { serve } from '../packages/tidemark/serve.ts'
import { ordering } from '../src/ordering/service.ts'

serve(ordering)
