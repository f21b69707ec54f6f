import { once } from 'node:events'
import { setSourceMapsSupport } from 'node:module'
import { resolve } from 'node:path'
import { StartError } from '../kit/errors.ts'
import { run } from '../kit/lifecycle.ts'
import { readToken } from '../kit/local-token.ts'
import { startHost } from './host.ts'
import { describe, log, logFailure, setLogLevel } from './log.ts'
import { isOfApp } from './rejections.ts'

// The app is compiled: its stacks name the sources all the same.
setSourceMapsSupport(true)

const DEFAULT_BODY_LIMIT = 100 * 1024 * 1024

// The worker ends, and the host starts another. What the SDKs of this host leave behind when a connection breaks is not the app's.
process.on('unhandledRejection', (reason) => {
  if (!isOfApp(reason)) return logFailure('host', `unhandled rejection: ${describe(reason)}`)
  log('critical', 'host', `unhandled rejection: ${describe(reason)}`)
  process.exit(1)
})

await run(() => {
  setLogLevel(process.env.TIDEMARK_LOG_LEVEL || 'information')
  return startHost({
    root: resolve(process.env.TIDEMARK_FUNCTIONS_ROOT || '.'),
    main: process.env.TIDEMARK_FUNCTIONS_MAIN || undefined,
    port: wholeNumber('TIDEMARK_HTTP_PORT', 7071, 65_535),
    // https://learn.microsoft.com/azure/azure-functions/functions-app-settings#functions_request_body_size_limit
    maxBodyBytes: wholeNumber('FUNCTIONS_REQUEST_BODY_SIZE_LIMIT', DEFAULT_BODY_LIMIT, Number.MAX_SAFE_INTEGER),
    settings: process.env,
    token: process.env.TIDEMARK_TOKEN_FILE ? readToken(process.env.TIDEMARK_TOKEN_FILE) : undefined,
    // As Core Tools do, where somebody starts it by hand; `npm start` has a line for each host.
    listLevel: process.connected ? 'debug' : 'information',
    // It takes the place of another, which still has the partitions: the parent says when that has ended.
    mayTrigger: process.argv.includes('--successor') ? toldToBegin() : undefined,
  })
})
if (process.exitCode) {
  // Function files that were loaded before the start failed may hold the process: timers, clients, servers.
  if (process.connected) await once(process, 'disconnect')
  process.exit()
}

function toldToBegin(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (message: { begin?: true }) => {
      if (message.begin) resolve()
    })
  })
}

function wholeNumber(name: string, otherwise: number, most: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return otherwise
  if (!/^\d+$/.test(text) || Number(text) > most)
    throw new StartError(`${name} is ${JSON.stringify(text)}: set it to a whole number from 0 to ${most}`)
  return Number(text)
}
