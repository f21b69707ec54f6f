// The package's public API. Everything else may change at any time.

export { StartError } from '../kit/errors.ts'
export { type CosmosOptions, type RunningCosmos, startCosmos } from './server.ts'
