import { UsageError } from '../command-line/arguments.ts'
import { UnreachableError } from './errors.ts'

/** The caller's credentials. No message ever shows them. */
export interface Credentials {
  /** Whether there is a key or a token. */
  readonly secret: boolean
  /** The headers for a service. @throws UnreachableError if nobody is signed in. */
  headers(service: string): Promise<Readonly<Record<string, string>>>
  /** Replaces the secrets in a text by asterisks. */
  masked(text: string): string
}

/** The characters a header may have. Checked here, because the runtime's own error would show the value. */
const PRINTABLE = /^[\x21-\x7e]+$/
/** A token that expires sooner is fetched again. */
const SOON_MS = 5 * 60_000

/**
 * Reads the function key and the bearer token from the environment. Each app has its own keys:
 * `ordering=<key> inventory=<key>`. Without a token, but with the client id of the API's registration, uses
 * the token of the `az login` session and fetches it again before it expires.
 * @param known the services of this repository. @throws UsageError
 */
export function readCredentials(environment: NodeJS.ProcessEnv, known: readonly string[]): Credentials {
  const keys = parseKeys(environment, known)
  const token = parseToken(environment)
  const client = environment.TIDEMARK_API_CLIENT_ID?.trim()
  const secrets = new Set([...keys.values(), ...(token === undefined ? [] : [token])])
  const signIn = token === undefined && client ? createSignIn(client) : undefined
  return {
    secret: secrets.size > 0 || signIn !== undefined,
    async headers(service) {
      const key = keys.get(service) ?? keys.get('')
      const bearer = token ?? (await signIn?.())
      if (bearer !== undefined) secrets.add(bearer)
      return {
        ...(key === undefined ? {} : { 'x-functions-key': key }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      }
    },
    masked: (text) => [...secrets].reduce((masked, each) => masked.replaceAll(each, '***'), text),
  }
}

/** @returns a function that fetches the token of the Azure CLI session. Concurrent callers share it. */
function createSignIn(client: string): () => Promise<string> {
  let held: { readonly token: Promise<string>; until: number } | undefined
  const fetched = async (): Promise<{ token: string; expiresOnTimestamp: number }> => {
    const { AzureCliCredential } = await import('@azure/identity')
    return new AzureCliCredential().getToken(`api://${client}/.default`).catch(({ message }: Error) => {
      const [why] = message.split('\n')
      throw new UnreachableError(`no token for api://${client}: ${why}. Sign in with az login: docs/cli.md`)
    })
  }
  return async () => {
    if (held && held.until > Date.now()) return held.token
    const asked = fetched()
    const now = { token: asked.then(({ token }) => token), until: Infinity }
    held = now
    asked.then(
      ({ expiresOnTimestamp }) => {
        now.until = expiresOnTimestamp - SOON_MS
      },
      () => {
        // The next caller asks again.
        now.until = 0
      },
    )
    return now.token
  }
}

/** @returns keys by service; `''` has the key of all others. */
function parseKeys(environment: NodeJS.ProcessEnv, known: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const text of environment.TIDEMARK_FUNCTION_KEY?.trim().split(/\s+/) ?? []) {
    // A key itself may contain `=`.
    const service = known.find((name) => text.startsWith(`${name}=`)) ?? ''
    const key = service === '' ? text : text.slice(service.length + 1)
    if (keys.has(service)) throw new UsageError(`TIDEMARK_FUNCTION_KEY has two keys for ${service || 'all services'}`)
    if (key !== '') keys.set(service, checkPrintable('TIDEMARK_FUNCTION_KEY', key))
  }
  return keys
}

function parseToken(environment: NodeJS.ProcessEnv): string | undefined {
  const token = environment.TIDEMARK_TOKEN?.trim().replace(/^Bearer\s+/i, '')
  return token ? checkPrintable('TIDEMARK_TOKEN', token) : undefined
}

function checkPrintable(name: string, text: string): string {
  if (PRINTABLE.test(text)) return text
  throw new UsageError(`${name} has characters that a header cannot carry`)
}
