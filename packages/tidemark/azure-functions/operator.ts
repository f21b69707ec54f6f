import type { HttpRequest } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { ActorSource } from './actor.ts'

/**
 * The app role of whoever looks after a running system. It is declared in the app registration, and given to
 * people and groups there.
 */
export const OPERATOR_ROLE = 'Tidemark.Operator'

/**
 * https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities#decode-the-client-principal-header
 */
const principal = z.object({
  role_typ: z.string().optional(),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
})

/**
 * Lets through who may look after the system: in Azure whoever has the role `Tidemark.Operator`, which App
 * Service Authentication tells; on a laptop, whose endpoints answer on loopback alone, everybody.
 * @throws TidemarkError `operator-only`
 */
export function checkOperator(request: HttpRequest, source: ActorSource): void {
  if (source === 'client') return
  if (source === 'platform' && readRoles(request).includes(OPERATOR_ROLE)) return
  throw new TidemarkError('operator-only', `this is for those with the role ${OPERATOR_ROLE}`)
}

function readRoles(request: HttpRequest): readonly string[] {
  const header = request.headers.get('x-ms-client-principal')
  if (header === null) return []
  const read = principal.safeParse(parseJson(Buffer.from(header, 'base64').toString('utf8')))
  if (!read.success) return []
  const { role_typ = 'roles', claims } = read.data
  return claims.filter(({ typ }) => typ === role_typ || typ === 'roles').map(({ val }) => val)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
