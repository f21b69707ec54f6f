import { serve } from 'tidemark/azure-functions'
import { ordering } from '../../src/ordering/service.ts'

/** Commands are handled and events are published while every consumer is away. */
const commands = (ordering.resources ?? []).map(({ documents: _, ...resource }) => resource)
serve({ ...ordering, views: [], reactions: [], processes: [], resources: commands.filter(({ commands }) => commands) })
