import { fileURLToPath } from 'node:url'

const HERE = import.meta.dirname

/** Whether the app's own code is to blame for a promise that nobody awaits: it stands in the stack, or there is no stack. */
export function isOfApp(reason: unknown): boolean {
  if (!(reason instanceof Error)) return true
  const files = [...(reason.stack ?? '').matchAll(/(file:\/\/[^\s)]+?|(?:[A-Za-z]:)?[\\/][^\s():]+):\d+:\d+/g)].map(
    ([, file = '']) => (file.startsWith('file:') ? fileURLToPath(file) : file),
  )
  return files.some((file) => !file.startsWith(HERE) && !/[\\/]node_modules[\\/]/.test(file))
}
