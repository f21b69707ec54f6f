// Runs a service as a function app, or uses its connections in a script.

import './azure-functions/node-version.ts'

export { buildOpenApi } from './azure-functions/openapi.ts'
export { register, servedServices } from './azure-functions/register.ts'
export { compose } from './compose.ts'
export { serve } from './serve.ts'
export { readSettings } from './settings/read.ts'
