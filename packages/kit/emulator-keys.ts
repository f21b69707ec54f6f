import { createHmac } from 'node:crypto'
import { readToken } from './local-token.ts'

/** What the vendor publishes as the keys of its emulators: nothing secret. */
const PUBLISHED = {
  blob: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
  eventhubs: 'SAS_KEY_VALUE',
  cosmos: 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==',
} as const

/**
 * The key of a part of the local cloud. Where a token is asked for, it is made of that: everybody on the
 * machine knows the published one.
 * @param tokenFile undefined or empty: none is asked for. @throws StartError where there is no such file.
 */
export function emulatorKey(part: keyof typeof PUBLISHED, tokenFile: string | undefined): string {
  if (!tokenFile) return PUBLISHED[part]
  // As long as the published ones are.
  return createHmac('sha512', readToken(tokenFile)).update(part).digest('base64')
}

/** That of an Event Hubs namespace, by the name that the service gives the first one. @throws StartError as above */
export function eventHubsKey(tokenFile: string | undefined): { readonly name: string; readonly value: string } {
  return { name: 'RootManageSharedAccessKey', value: emulatorKey('eventhubs', tokenFile) }
}
