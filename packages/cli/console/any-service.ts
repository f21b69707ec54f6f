import { canary, canaryView } from 'tidemark'
import { serve } from 'tidemark/azure-functions'

// The console uses only what every service answers. So this service declares only what all have.
serve({ name: 'any', deciders: [canary], publishes: [], views: [canaryView], reactions: [] })
