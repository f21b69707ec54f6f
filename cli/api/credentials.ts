import { UsageError } from '../arguments.ts'
import { UnreachableError } from './errors.ts'

/** What lets the caller in. No message ever shows it. */
export interface Credentials {
  /** Whether there is anything to keep from others. */
  readonly secret: boolean
  /** @throws UnreachableError where nobody is signed in. */
  headers(): Promise<Readonly<Record<string, string>>>
  /** A text that came from elsewhere, without the secrets in it. */
  masked(text: string): string
}

/** A header takes nothing else; the runtime's own error would show the value. */
const PRINTABLE = /^[\x21-\x7e]+$/
/** A token that ends sooner is fetched anew. */
const SOON_MS = 5 * 60_000

/**
 * Reads the function key and the bearer token of the environment. Without such a token but with the client id of the API's registration, the
 * token is that of who is signed in (`az login`), fetched anew before it ends.
 * @throws UsageError
 */
export function readCredentials(environment: NodeJS.ProcessEnv): Credentials {
  const key = secret(environment, 'TIDEMARK_FUNCTION_KEY')
  const token = secret(environment, 'TIDEMARK_TOKEN')?.replace(/^Bearer\s+/i, '')
  const client = environment.TIDEMARK_API_CLIENT_ID?.trim()
  const secrets = new Set([key, token].filter((each) => each !== undefined))
  const signIn = token === undefined && client ? signedIn(client) : undefined
  return {
    secret: secrets.size > 0 || signIn !== undefined,
    async headers() {
      const shown = token ?? (await signIn?.())
      if (shown !== undefined) secrets.add(shown)
      return {
        ...(key === undefined ? {} : { 'x-functions-key': key }),
        ...(shown === undefined ? {} : { authorization: `Bearer ${shown}` }),
      }
    },
    masked: (text) => [...secrets].reduce((masked, each) => masked.replaceAll(each, '***'), text),
  }
}

/** @returns the token of who is signed in at the Azure CLI; several that ask at once share it. */
function signedIn(client: string): () => Promise<string> {
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

function secret(environment: NodeJS.ProcessEnv, name: 'TIDEMARK_FUNCTION_KEY' | 'TIDEMARK_TOKEN'): string | undefined {
  const text = environment[name]?.trim()
  if (!text) return undefined
  if (!PRINTABLE.test(text.replace(/^Bearer\s+/i, '')))
    throw new UsageError(`${name} holds characters that no header can carry`)
  return text
}
