import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkOrigin, checkToken, refuse, setSecurityHeaders } from '../../kit/guard.ts'
import { answerFile, type Site } from './site.ts'

/**
 * Answers requests that no service handles: it refuses foreign pages and users, and serves the console's
 * files.
 * @param token the bearer token of every request, except for the console's files, which have no data.
 * @returns whether it has answered.
 */
export function answeredAtDoor(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { site, token }: { readonly site: Site; readonly token: string | undefined },
): boolean {
  // A client that disconnects early is not an error.
  incoming.on('error', () => {})
  outgoing.on('error', () => {})
  setSecurityHeaders(outgoing)
  const foreign = checkOrigin(incoming)
  if (!foreign && answerFile(site, incoming, outgoing)) return true
  const refusal = foreign ?? checkToken(incoming, token)
  if (!refusal) return false
  refuse(incoming, outgoing, refusal)
  return true
}
