// The package's public API. Everything else may change at any time.

export { StartError } from '../kit/errors.ts'
export type { Running } from '../kit/lifecycle.ts'
export { type HostOptions, startHost } from './host.ts'
export type { LogLevel } from './protocol.ts'
export type { Settings } from './settings.ts'
