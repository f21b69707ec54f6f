import { canary, canaryView } from 'tidemark'
import { serve } from 'tidemark/azure-functions'

// The console asks what every service answers, so this one has nothing but what all have.
serve({ name: 'any', deciders: [canary], publishes: [], views: [canaryView], reactions: [] })
