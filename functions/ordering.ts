import { serve } from '../src/serve.ts'
import { ordering } from '../src/services/ordering/service.ts'

serve(ordering)
