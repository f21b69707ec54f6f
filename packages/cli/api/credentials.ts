import { UsageError } from '../command-line/arguments.ts'
import { UnreachableError } from './errors.ts'

/** What lets the caller in. No message ever shows it. */
export interface Credentials {
  /** Whether there is anything to keep from others. */
  readonly secret: boolean
  /** What a service is shown. @throws UnreachableError where nobody is signed in. */
  headers(service: string): Promise<Readonly<Record<string, string>>>
  /** A text that came from elsewhere, without the secrets in it. */
  masked(text: string): string
}

/** A header takes nothing else; the runtime's own error would show the value. */
const PRINTABLE = /^[\x21-\x7e]+$/
/** A token that ends sooner is fetched anew. */
const SOON_MS = 5 * 60_000

/**
 * Reads the function key and the bearer token of the environment. Each app has keys of its own:
 * `ordering=<key> inventory=<key>`. Without such a token but with the client id of the API's registration,
 * the token is that of who is signed in (`az login`), fetched anew before it ends.
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

/** @returns the token of who is signed in at the Azure CLI; several that ask at once share it. */
function createSignIn(client: string): () => Promise<string> {
  let held: { readonly token: Promise<string>; until: number } | undefined
  const fetched = async (): Promise<{ token: string; expiresOnTimestamp: number }> => {
    const { AzureCliCredential } = await import('@azure/identity')
    return new AzureCliCredential().getToken(`api://${client}/.default`).catch(({ message }: Error) => {
      const [why] = message.split('\n')
      throw new UnreachableError(`no token for api://${client}: ${why}. az login signs you in: docs/cli.md`)
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
        // The next one asks again.
        now.until = 0
      },
    )
    return now.token
  }
}

/** By service; `''`: of all others. */
function parseKeys(environment: NodeJS.ProcessEnv, known: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>()
  for (const text of environment.TIDEMARK_FUNCTION_KEY?.trim().split(/\s+/) ?? []) {
    // A key may have such a sign, too.
    const service = known.find((name) => text.startsWith(`${name}=`)) ?? ''
    const key = service === '' ? text : text.slice(service.length + 1)
    if (keys.has(service)) throw new UsageError(`TIDEMARK_FUNCTION_KEY has two keys of ${service || 'all services'}`)
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
  throw new UsageError(`${name} holds characters that no header can carry`)
}
