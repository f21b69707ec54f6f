import { serve } from 'tidemark/azure-functions'
import { ordering } from '../src/ordering/service.ts'

serve(ordering)
