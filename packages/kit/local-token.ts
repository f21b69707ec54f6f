import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { StartError } from './errors.ts'
import { isShared } from './people.ts'
import { createPrivateFile, OWNER_ALONE } from './private-file.ts'
import { optionalFlag } from './settings.ts'

// Loopback keeps out other machines, but not other users of this one. If there are several users, requests
// must have a token. It is in a file beside the data that only its owner can read.

const TOKEN = /^[\w-]{43}$/

/** Returns 256 random bits as URL-safe text. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

export function locateTokenFile(dataDir: string): string {
  return join(dataDir, 'token')
}

/**
 * Whether a token is required: as TIDEMARK_REQUIRE_TOKEN says, or else if several people may use this
 * machine.
 * @throws StartError
 */
export function isTokenRequired(): boolean {
  return optionalFlag('TIDEMARK_REQUIRE_TOKEN') ?? isShared()
}

/**
 * Returns the file with the required token, and creates it if it is missing; undefined if no token is
 * required.
 * @throws StartError if the file cannot be written.
 */
export async function requiredTokenFile(dataDir: string): Promise<string | undefined> {
  if (!isTokenRequired()) return undefined
  const file = locateTokenFile(dataDir)
  await createPrivateFile(file, 'the token', newToken())
  try {
    await chmod(file, OWNER_ALONE)
  } catch (error) {
    throw new StartError(`the token ${file} cannot be written: ${(error as Error).message}`)
  }
  return file
}

/** @throws StartError if the file cannot be read or has no token. */
export function readToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new StartError(`the token ${file} cannot be read: ${(error as Error).message}`)
  }
  if (!TOKEN.test(token)) throw new StartError(`${file} holds no token: remove it, and start again`)
  return token
}

/** Builds an Authorization header's value (RFC 6750). */
export function bearer(token: string): string {
  return `Bearer ${token}`
}

/** Whether a request has the token. The comparison takes constant time. */
export function showsToken({ headers }: IncomingMessage, token: string): boolean {
  const [, shown = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return timingSafeEqual(digest(shown), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
