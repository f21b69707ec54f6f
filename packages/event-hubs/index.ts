// The package's public API. Everything else may change at any time.

export { StartError } from '../kit/errors.ts'
export { type EventHubsOptions, type RunningEventHubs, type RunningNamespace, startEventHubs } from './server.ts'
export type { HubSettings, Retention } from './settings/hub-settings.ts'
export { type Configuration, type NamespaceSettings, readConfiguration } from './settings/namespace-settings.ts'
