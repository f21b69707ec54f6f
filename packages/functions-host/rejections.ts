import { fileURLToPath } from 'node:url'

// What starts the host, in kit, is at the end of the stacks of what its start awaits.
const OWN = ['.', '../kit'].map((folder) => fileURLToPath(new URL(`${folder}/`, import.meta.url)))

/** Whether the app's own code is to blame for a promise that nobody awaits: it stands in the stack, or there is no stack. */
export function isOfApp(reason: unknown): boolean {
  if (!(reason instanceof Error)) return true
  const files = [...(reason.stack ?? '').matchAll(/(file:\/\/[^\s)]+?|(?:[A-Za-z]:)?[\\/][^\s():]+):\d+:\d+/g)].map(
    ([, file = '']) => (file.startsWith('file:') ? fileURLToPath(file) : file),
  )
  return files.some((file) => !OWN.some((folder) => file.startsWith(folder)) && !/[\\/]node_modules[\\/]/.test(file))
}
