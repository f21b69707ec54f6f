import { createHmac } from 'node:crypto'
import { readToken } from './local-token.ts'

/** The published keys of Microsoft's emulators; they are not secret. */
const PUBLISHED = {
  blob: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
  eventhubs: 'SAS_KEY_VALUE',
  cosmos: 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==',
} as const

/**
 * Returns the key of a part of the local cloud. If a token is required, the key is derived from it, because
 * every user of the machine knows the published key.
 * @param tokenFile undefined or empty: no token is required. @throws StartError if the file does not exist.
 */
export function emulatorKey(part: keyof typeof PUBLISHED, tokenFile: string | undefined): string {
  if (!tokenFile) return PUBLISHED[part]
  // As long as the published keys.
  return createHmac('sha512', readToken(tokenFile)).update(part).digest('base64')
}

/** Returns the key of an Event Hubs namespace, named like the service's first key. @throws StartError as above */
export function eventHubsKey(tokenFile: string | undefined): { readonly name: string; readonly value: string } {
  return { name: 'RootManageSharedAccessKey', value: emulatorKey('eventhubs', tokenFile) }
}
