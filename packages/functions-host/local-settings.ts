import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../kit/errors.ts'

/**
 * Sets the `Values` of local.settings.json as environment variables. Like Core Tools, it keeps existing
 * variables.
 * https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
 * @param root the folder of the app. The file is optional. @throws StartError if the file cannot be read.
 */
export async function loadLocalSettings(root: string): Promise<void> {
  const file = join(root, 'local.settings.json')
  for (const [name, value] of Object.entries(await readValues(file))) {
    if (value === null || typeof value === 'object') throw new StartError(`${file}: ${name} must be a string`)
    process.env[name] ??= String(value)
  }
}

async function readValues(file: string): Promise<object> {
  let settings: { readonly Values?: unknown; readonly IsEncrypted?: unknown }
  try {
    // Editors on Windows put a byte order mark first.
    settings = Object(JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, '')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new StartError(`${file} cannot be read: ${(error as Error).message.replace(/\s+/g, ' ')}`)
  }
  if (settings.IsEncrypted === true)
    throw new StartError(
      `${file} is encrypted: decrypt it with func settings decrypt, or set its values as environment variables`,
    )
  const { Values = {} } = settings
  if (typeof Values !== 'object' || Values === null || Array.isArray(Values))
    throw new StartError(`${file}: Values must be an object`)
  return Values
}
