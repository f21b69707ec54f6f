import type { IncomingMessage, ServerResponse } from 'node:http'
import { checkOrigin, checkToken, refuse, setSecurityHeaders } from '../../kit/guard.ts'
import { answerFile, type Site } from './site.ts'

/**
 * Answers what no service needs to: a request of a page or a user that is not let in, and one for a file of the page.
 * @param token what every request must show but one for such a file, which holds nothing. @returns whether it did.
 */
export function answeredAtDoor(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { site, token }: { readonly site: Site; readonly token: string | undefined },
): boolean {
  // A client that goes away in the middle is no fault of whoever answers.
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
