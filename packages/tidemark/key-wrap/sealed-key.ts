import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

// AES-256-GCM with a random nonce: NIST SP 800-38D, section 8.2.2. A wrapping key serves far fewer than 2^32 keys.
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/**
 * Encrypts a key with another. @returns nonce, encrypted key and tag, in base64.
 * @param context what belongs to the key: it opens only with the same.
 */
export function sealKey(key: Uint8Array, wrapping: Uint8Array, context: readonly string[]): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, wrapping, nonce).setAAD(encode(context))
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/** @throws Error if it was changed, or if the key or the context is another. */
export function openSealedKey(sealed: string, wrapping: Uint8Array, context: readonly string[]): Uint8Array {
  const bytes = Buffer.from(sealed, 'base64')
  const end = Math.max(NONCE_BYTES, bytes.length - TAG_BYTES)
  const decipher = createDecipheriv(CIPHER, wrapping, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(encode(context)).setAuthTag(bytes.subarray(end))
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, end)), decipher.final()])
}

function encode(context: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(context))
}
