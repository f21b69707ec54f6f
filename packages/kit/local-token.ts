import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { chmod, link, mkdir, unlink, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { StartError } from './errors.ts'
import { isShared } from './people.ts'
import { optionalFlag } from './settings.ts'

// Loopback keeps out other machines, not other users of this one. Where there are several, whoever asks a
// service shows a token that stands beside the data, in a file that its owner alone can read.

const TOKEN = /^[\w-]{43}$/
const OWNER_ALONE = 0o600

/** 256 random bits, as text that an address can hold. */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

export function locateTokenFile(dataDir: string): string {
  return join(dataDir, 'token')
}

/**
 * Whether a token is asked for: as TIDEMARK_REQUIRE_TOKEN says, else where several people may use this
 * machine.
 * @throws StartError
 */
export function isTokenRequired(): boolean {
  return optionalFlag('TIDEMARK_REQUIRE_TOKEN') ?? isShared()
}

/**
 * The file with the token that requests must show: it is made where there is none yet. Undefined: none is asked for.
 * @throws StartError where the file cannot be written.
 */
export async function requiredTokenFile(dataDir: string): Promise<string | undefined> {
  if (!isTokenRequired()) return undefined
  const file = locateTokenFile(dataDir)
  const mine = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await writeFile(mine, newToken(), { mode: OWNER_ALONE })
    // Of two that start at the same moment one makes it. A link is made with its content or not at all.
    await link(mine, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    await unlink(mine)
    await chmod(file, OWNER_ALONE)
  } catch (error) {
    throw new StartError(`the token ${file} cannot be written: ${(error as Error).message}`)
  }
  return file
}

/** @throws StartError where there is none. */
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

/** As RFC 6750 has it. */
export function bearer(token: string): string {
  return `Bearer ${token}`
}

/** Whether a request shows the token. How long it takes tells nothing of it. */
export function showsToken({ headers }: IncomingMessage, token: string): boolean {
  const [, shown = ''] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return timingSafeEqual(digest(shown), digest(token))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
