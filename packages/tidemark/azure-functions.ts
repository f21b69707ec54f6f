// A service as a function app, and what else runs on its connections.

import './azure-functions/node-version.ts'

export { buildOpenApi } from './azure-functions/openapi.ts'
export { register, servedServices } from './azure-functions/register.ts'
export { compose } from './compose.ts'
export { serve } from './serve.ts'
export { readSettings } from './settings/read.ts'
