import { UsageError } from '../arguments.ts'

/** What lets the caller in. No message ever shows it. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  /** A text that came from elsewhere, without the secrets in it. */
  masked(text: string): string
}

/** A header takes nothing else; the runtime's own error would show the value. */
const PRINTABLE = /^[\x21-\x7e]+$/

/** Reads the function key and the bearer token of the environment. @throws UsageError */
export function readCredentials(environment: NodeJS.ProcessEnv): Credentials {
  const key = secret(environment, 'TIDEMARK_FUNCTION_KEY')
  const token = secret(environment, 'TIDEMARK_TOKEN')?.replace(/^Bearer\s+/i, '')
  const secrets = [key, token].filter((each) => each !== undefined)
  return {
    headers: {
      ...(key === undefined ? {} : { 'x-functions-key': key }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    masked: (text) => secrets.reduce((masked, each) => masked.replaceAll(each, '***'), text),
  }
}

function secret(environment: NodeJS.ProcessEnv, name: 'TIDEMARK_FUNCTION_KEY' | 'TIDEMARK_TOKEN'): string | undefined {
  const text = environment[name]?.trim()
  if (!text) return undefined
  if (!PRINTABLE.test(text.replace(/^Bearer\s+/i, '')))
    throw new UsageError(`${name} holds characters that no header can carry`)
  return text
}
