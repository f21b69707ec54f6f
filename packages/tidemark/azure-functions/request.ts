import type { HttpRequest } from '@azure/functions'
import type { CommandType } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type AsJson, asJson } from '../core/json.ts'
import { validate } from '../core/schema.ts'
import { type Position, parsePosition } from '../core/stream.ts'
import { InvalidBody } from './problem.ts'

/** The largest accepted body, in bytes. An event that fits into a message is not larger. */
const MAX_BODY_BYTES = 1024 * 1024

// Printable ASCII without spaces: safe in a header and in a log line.
export const tokenPattern = /^[\x21-\x7e]{1,255}$/
// No comma either: the host joins repeated headers with a comma, and a joined value is not a key.
export const keyPattern = /^[\x21-\x2b\x2d-\x7e]{1,255}$/
// JSON can escape half a surrogate pair, which is not valid Unicode and cannot be hashed:
// https://www.rfc-editor.org/rfc/rfc7493#section-2.1
const surrogateEscape = /\\u[dD][89a-fA-F]/
export const versionTagPattern = /^"(0|[1-9][0-9]{0,14})"$/

/**
 * Reads a body that must fit a schema.
 * @param misfit what to tell a client whose body does not.
 * @throws TidemarkError `invalid-command`, and those of `readJson`
 */
export async function readBody<Value>(
  request: HttpRequest,
  schema: CommandType<string, Value>['schema'],
  misfit: string,
): Promise<Value> {
  const json = await readJson(request)
  if (json.outcome === 'invalid') {
    const { pointer, detail } = json.fault
    throw new InvalidBody(misfit, [{ pointer, detail }])
  }
  const data = validate(schema, json.value)
  if (data.outcome === 'invalid') throw new InvalidBody(misfit, data.issues)
  return data.value
}

/**
 * Reads the JSON of a body. An empty body is `{}`, for commands without data. `invalid`: JSON that could not
 * become part of an event, such as an unsafe integer, a field named `__proto__`, or too many levels.
 * @throws TidemarkError `body-too-large`, `unsupported-media-type`, `invalid-json`
 */
export async function readJson(request: HttpRequest): Promise<AsJson> {
  const tooLarge = (): TidemarkError =>
    new TidemarkError('body-too-large', `the body is larger than ${MAX_BODY_BYTES} bytes`)
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const bytes = await request.arrayBuffer()
  if (bytes.byteLength > MAX_BODY_BYTES) throw tooLarge()
  if (bytes.byteLength === 0) {
    // The host drops a body that has no length:
    // https://github.com/Azure/azure-functions-nodejs-worker/issues/524
    if (request.headers.has('transfer-encoding'))
      throw new TidemarkError(
        'invalid-json',
        'the host drops a body that is sent in chunks: send it with a Content-Length',
      )
    return { outcome: 'valid', value: {} }
  }
  const coding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (coding !== 'identity') throw new TidemarkError('unsupported-media-type', 'send the body without content coding')
  const mediaType = request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (mediaType !== 'application/json')
    throw new TidemarkError('unsupported-media-type', 'send the body as application/json')
  return asJson(parseBody(bytes))
}

function parseBody(bytes: ArrayBuffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return surrogateEscape.test(text) ? JSON.parse(text, checkUnicode) : JSON.parse(text)
  } catch (error) {
    throw new TidemarkError('invalid-json', `the body is not JSON: ${(error as Error).message}`)
  }
}

/**
 * A JSON reviver that returns each value unchanged.
 * @throws Error for a name or a string with half a surrogate pair.
 */
function checkUnicode(name: string, value: unknown): unknown {
  if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed()))
    throw new Error('it has half a surrogate pair')
  return value
}

/**
 * Reads a header that becomes part of events.
 * @throws TidemarkError `invalid-header`
 */
export function readToken(request: HttpRequest, name: string): string | undefined {
  const value = request.headers.get(name)
  if (value === null) return undefined
  if (!tokenPattern.test(value))
    throw new TidemarkError('invalid-header', `${name} must be 1 to 255 printable ASCII characters without space`)
  return value
}

/** The most positions that a query waits for: each costs a read while it waits. */
export const MAX_POSITIONS = 10

/**
 * The positions in `?position=order-1@7&position=payment-1@2`. The host joins the values of a repeated parameter by
 * a comma, which no position has:
 * https://github.com/Azure/azure-functions-nodejs-library/issues/168
 * @throws TidemarkError `invalid-position`
 */
export function readPositions(request: HttpRequest): readonly Position[] {
  const tokens = request.query.getAll('position').flatMap((text) => text.split(','))
  if (tokens.length > MAX_POSITIONS)
    throw new TidemarkError('invalid-position', `a query waits for at most ${MAX_POSITIONS} positions`)
  return tokens.map(parsePosition)
}

// Clients may send function keys as query parameters:
// https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
const platformParameters = ['code', 'clientId']

/**
 * Refuses unknown parameters: a misspelt filter must not return an unfiltered answer.
 * @throws TidemarkError `invalid-query`
 */
export function checkParameters(request: HttpRequest, known: readonly string[]): void {
  for (const name of request.query.keys())
    if (!known.includes(name) && !platformParameters.includes(name))
      throw new TidemarkError('invalid-query', `there is no parameter ${name}; known parameters: ${known.join(', ')}`)
}

/** Picks the parameters that a query has. */
export function pickParameters<Name extends string>(
  query: URLSearchParams,
  ...names: readonly Name[]
): Partial<Record<Name, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = query.get(name)
      return value === null ? [] : [[name, value]]
    }),
  ) as Partial<Record<Name, string>>
}

export const DEFAULT_LIMIT = 20
export const MAX_LIMIT = 100

/**
 * The page size: `?limit=`.
 * @throws TidemarkError `invalid-query`
 */
export function readLimit(request: HttpRequest): number {
  return readWholeNumber(request, 'limit', 1, MAX_LIMIT) ?? DEFAULT_LIMIT
}

/**
 * Reads an integer parameter.
 * @throws TidemarkError `invalid-query`
 */
export function readWholeNumber(request: HttpRequest, name: string, least: number, most: number): number | undefined {
  const text = request.query.get(name)
  if (text === null) return undefined
  const value = Number(text)
  if (!/^[0-9]+$/.test(text) || value < least || value > most)
    throw new TidemarkError('invalid-query', `${name} must be an integer from ${least} to ${most}`)
  return value
}
