import { fileURLToPath } from 'node:url'
import { OWN_FOLDERS } from './own-folders.ts'

const OWN = OWN_FOLDERS.map((folder) => fileURLToPath(folder))

/**
 * Whether the app's own code caused an unhandled rejection: the app is in the stack, or there is no stack.
 */
export function isAppRejection(reason: unknown): boolean {
  if (!(reason instanceof Error)) return true
  const files = [...(reason.stack ?? '').matchAll(/(file:\/\/[^\s)]+?|(?:[A-Za-z]:)?[\\/][^\s():]+):\d+:\d+/g)].map(
    ([, file = '']) => (file.startsWith('file:') ? fileURLToPath(file) : file),
  )
  return files.some((file) => !OWN.some((folder) => file.startsWith(folder)) && !/[\\/]node_modules[\\/]/.test(file))
}
