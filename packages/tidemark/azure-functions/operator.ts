import type { HttpRequest } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { ActorSource } from './actor.ts'

/** The app role of operators. The app registration declares it and assigns it to people and groups. */
const OPERATOR_ROLE = 'Tidemark.Operator'

/**
 * https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities#decode-the-client-principal-header
 */
const principal = z.object({
  role_typ: z.string().optional(),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
})

/**
 * Lets operators through. In Azure they have the role `Tidemark.Operator`, as reported by App Service
 * Authentication. On a laptop everybody is one, because the emulators answer on loopback only.
 * @throws TidemarkError `operator-only`
 */
export function checkOperator(request: HttpRequest, source: ActorSource): void {
  if (source === 'client') return
  if (source === 'platform' && readRoles(request).includes(OPERATOR_ROLE)) return
  throw new TidemarkError('operator-only', `this request needs the role ${OPERATOR_ROLE}`)
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
