// `npm run dev` preloads this module in each host. It reports every source that the host loads to the parent.

import inspector from 'node:inspector'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

const reported = new Set<string>()

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const { url } = resolved
    if (url.startsWith('file:') && !url.includes('/node_modules/') && !reported.has(url)) {
      reported.add(url)
      process.send?.({ source: fileURLToPath(url) })
    }
    return resolved
  },
})

// The previous host holds the port until it ends.
if (process.execArgv.some((flag) => flag.startsWith('--inspect-port=')))
  process.on('message', (message: { begin?: true }) => {
    if (message.begin) inspector.open()
  })
