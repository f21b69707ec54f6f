import { serve } from 'tidemark/azure-functions'
import { ordering } from '../../src/ordering/service.ts'

/** Handles commands and publishes events, without any consumer. */
const commands = (ordering.resources ?? []).map(({ documents: _, ...resource }) => resource)
serve({ ...ordering, views: [], reactions: [], processes: [], resources: commands.filter(({ commands }) => commands) })
