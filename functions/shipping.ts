import { serve } from 'tidemark/azure-functions'
import { shipping } from '../src/shipping/service.ts'

serve(shipping)
