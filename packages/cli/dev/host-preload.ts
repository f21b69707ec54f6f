// `npm run dev` has each host load this first: it tells the parent every source that the host loads.

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

// The host before it had the port until it ended.
if (process.execArgv.some((flag) => flag.startsWith('--inspect-port=')))
  process.on('message', (message: { begin?: true }) => {
    if (message.begin) inspector.open()
  })
