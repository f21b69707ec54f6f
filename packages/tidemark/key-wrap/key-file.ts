import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { KeyWrap } from '../core/ports.ts'
import { openSealedKey, sealKey } from './sealed-key.ts'

/** 256 random bits in base64url. */
const KEY = /^[\w-]{43}$/
/** The rights of everybody but the owner. */
const OTHERS = 0o077

/** Wraps keys with the key in a file on a laptop. The file is read with the first request. */
export class KeyFileWrap implements KeyWrap {
  readonly #file: string
  readonly #service: string
  #reading: Promise<Buffer> | undefined

  /** @param service whose keys it wraps. A wrapped key of one service cannot pass for one of another. */
  constructor(file: string, service: string) {
    this.#file = file
    this.#service = service
  }

  async wrap(key: Uint8Array): Promise<string> {
    const wrapping = await this.#key()
    const by = identify(wrapping)
    return `${by} ${sealKey(key, wrapping, [by, this.#service])}`
  }

  async unwrap(wrapped: string): Promise<Uint8Array> {
    const [by = '', sealed = ''] = wrapped.split(' ')
    const wrapping = await this.#key()
    if (by !== identify(wrapping))
      throw this.#unreadable(`another key than the one in it has wrapped the key: ${by}; restore the file of that time`)
    try {
      return openSealedKey(sealed, wrapping, [by, this.#service])
    } catch (error) {
      throw this.#unreadable('a stored key does not unwrap: it was changed, or is of another service', { cause: error })
    }
  }

  #key(): Promise<Buffer> {
    this.#reading ??= readKey(this.#file)
    // A file that is repaired is read again.
    this.#reading.catch(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  #unreadable(why: string, options?: ErrorOptions): TidemarkError {
    return new TidemarkError('personal-unreadable', `${this.#file}: ${why}`, options)
  }
}

/** The name of a key: a part of its hash, which does not help to guess 256 random bits. */
function identify(key: Buffer): string {
  return `file:${hash('sha256', key, 'hex').slice(0, 16)}`
}

async function readKey(file: string): Promise<Buffer> {
  try {
    const handle = await open(file)
    try {
      // The same open file is checked and read, so nobody can exchange it in between.
      return checkKey(file, (await handle.stat()).mode, await handle.readFile('utf8'))
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof TidemarkError) throw error
    throw new TidemarkError('keys-refused', `PersonalKeys: ${file} cannot be read: ${describeError(error)}`, {
      cause: error,
    })
  }
}

function checkKey(file: string, mode: number, text: string): Buffer {
  // Windows has no such mode. There the rights of the user's folder keep others out: docs/deploy.md.
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
    throw new TidemarkError('keys-refused', `PersonalKeys: others may read ${file}: chmod 600 ${file}`)
  if (!KEY.test(text.trim()))
    throw new TidemarkError('keys-refused', `PersonalKeys: ${file} does not hold 256 bits in base64url`)
  return Buffer.from(text.trim(), 'base64url')
}
