import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createPrivateFile } from '../kit/private-file.ts'

/**
 * Returns the file with the key that wraps the keys of personal data, and creates it if it is missing. A new
 * key would not unwrap older keys, so neither a restart nor a fresh start replaces it.
 * @throws StartError if the file cannot be written.
 */
export async function keyFile(dataDir: string): Promise<string> {
  const file = join(dataDir, 'personal-keys')
  await createPrivateFile(file, 'the key file', randomBytes(32).toString('base64url'))
  return file
}
