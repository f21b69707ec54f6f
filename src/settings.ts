import type { CosmosConnection } from './adapters/cosmos/client.ts'
import type { EventHubsConnection } from './adapters/eventhubs/publisher.ts'
import type { ActorSource } from './adapters/functions/actor.ts'
import { credentialOf } from './adapters/identity/credential.ts'
import { TidemarkError } from './core/errors.ts'

/** Application settings: on a laptop from local.settings.json, in Azure from the function app. */
export type Settings = Readonly<Record<string, string | undefined>>

/** `CosmosConnection` is a connection string, or `CosmosConnection__accountEndpoint` names the account (identity-based). */
export function cosmosConnection(settings: Settings): CosmosConnection {
  const connectionString = settings.CosmosConnection
  if (connectionString) return { connectionString }
  const endpoint = required(settings, 'CosmosConnection', 'CosmosConnection__accountEndpoint')
  return { endpoint, credential: credentialOf(settings.CosmosConnection__clientId) }
}

/** `EventHubConnection` is a connection string, or `EventHubConnection__fullyQualifiedNamespace` names the namespace. */
export function eventHubsConnection(settings: Settings): EventHubsConnection {
  const connectionString = settings.EventHubConnection
  if (connectionString) return { connectionString }
  const namespace = required(settings, 'EventHubConnection', 'EventHubConnection__fullyQualifiedNamespace')
  return { namespace, credential: credentialOf(settings.EventHubConnection__clientId) }
}

/**
 * Who is believed about who asks. `WEBSITE_AUTH_ENABLED` is the platform's own word that its authentication stands before the app: without
 * it, whoever can reach the app can write the principal's headers.
 */
export function actorSource(settings: Settings): ActorSource {
  if (settings.WEBSITE_AUTH_ENABLED?.toLowerCase() === 'true') return 'platform'
  return settings.TIDEMARK_TRUST_X_ACTOR === 'true' ? 'client' : 'nobody'
}

/** A whole number from 1 on, and up to `most` where there is a most. @throws TidemarkError `setting-invalid` */
export function numberSetting(settings: Settings, name: string, otherwise: number, most?: number): number {
  const text = settings[name]
  if (text === undefined || text === '') return otherwise
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1 || (most !== undefined && value > most))
    throw new TidemarkError(
      'setting-invalid',
      `${name} is a whole number from 1 ${most ? `to ${most}` : 'on'}, not ${text}`,
    )
  return value
}

function required(settings: Settings, name: string, identityBased: string): string {
  const value = settings[identityBased]
  if (!value) throw new TidemarkError('setting-invalid', `set ${name} (a connection string) or ${identityBased}`)
  return value
}
