import type { KeyWrap, KeyWrapConnection } from '../core/ports.ts'
import { KeyFileWrap } from './key-file.ts'
import { KeyVaultWrap } from './key-vault.ts'

/** Opens the wrapping key of a service. It connects with the first request. */
export function openKeyWrap(connection: KeyWrapConnection, service: string): KeyWrap {
  return 'file' in connection ? new KeyFileWrap(connection.file, service) : new KeyVaultWrap(connection, service)
}
