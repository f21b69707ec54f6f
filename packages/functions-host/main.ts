#!/usr/bin/env node
import { once } from 'node:events'
import { resolve } from 'node:path'
import { type CommandLine, type Given, runCommand } from '../kit/command-line.ts'
import type { RunningCommand } from '../kit/lifecycle.ts'
import { readToken } from '../kit/local-token.ts'
import { describe, LOG_LEVELS, log, logFailure, setLogLevel } from './log.ts'
import { isAppRejection } from './rejections.ts'

const DEFAULT_PORT = 7071

type Flags = 'port' | 'main' | 'log-level' | 'token-file' | 'successor'

const command: CommandLine<Flags> = {
  name: 'tidemark-functions-host',
  description: 'Runs the functions of an Azure Functions app (Node.js, model v4) on this machine.',
  operand: {
    name: 'FOLDER',
    help: 'folder with host.json, package.json and optionally local.settings.json; by default the working folder',
    env: 'FUNCTIONS_HOST_FOLDER',
  },
  flags: {
    port: {
      value: 'PORT',
      help: `port to listen on: ${DEFAULT_PORT} by default, 0 for any free port`,
      env: 'FUNCTIONS_HOST_PORT',
    },
    main: {
      value: 'GLOB',
      help: 'the function files, instead of main in package.json',
      env: 'FUNCTIONS_HOST_MAIN',
    },
    'log-level': {
      value: 'LEVEL',
      help: `lowest level to print: ${LOG_LEVELS.join(', ')}; information by default`,
      env: 'FUNCTIONS_HOST_LOG_LEVEL',
    },
    'token-file': {
      value: 'FILE',
      help: 'a file of 43 characters, the bearer token that every request must have; by default no token is needed',
      env: 'FUNCTIONS_HOST_TOKEN_FILE',
    },
    // This host replaces another one, which still owns the partitions. The parent signals when that one has
    // ended.
    successor: { help: 'start the triggers only when the parent process says so', hidden: true },
  },
  examples: ['npx tidemark-functions-host', "npx tidemark-functions-host my-app --port 0 --main 'dist/functions/*.js'"],
  from: import.meta.url,
}

// In the real host, the worker ends and the host starts another. Rejections from this host's SDKs, such as
// after a broken connection, are not the app's.
process.on('unhandledRejection', (reason) => {
  if (!isAppRejection(reason)) return logFailure('host', `unhandled rejection: ${describe(reason)}`)
  log('critical', 'host', `unhandled rejection: ${describe(reason)}`)
  process.exit(1)
})

await runCommand(command, start)
if (process.exitCode) {
  // Function files loaded before the start failed may keep the process alive: timers, clients, servers.
  if (process.connected) await once(process, 'disconnect')
  process.exit()
}

async function start(given: Given<Flags>): Promise<RunningCommand> {
  // Stacks of the compiled app should name its sources. Older Node versions lack this function, but have been
  // refused by now.
  const { setSourceMapsSupport } = await import('node:module')
  setSourceMapsSupport(true)
  const { startHost } = await import('./host.ts')
  const { loadLocalSettings } = await import('./local-settings.ts')
  const root = resolve(given.operand() ?? '.')
  setLogLevel(given.oneOf('log-level', LOG_LEVELS, 'information'))
  const tokenFile = given.text('token-file')
  const token = tokenFile && readToken(tokenFile)
  const port = given.port('port', DEFAULT_PORT)
  await loadLocalSettings(root)
  return startHost({
    root,
    main: given.text('main'),
    port,
    token,
    // Started by hand, list the functions as Core Tools do. A parent process prints its own line for each
    // host.
    listLevel: process.connected ? 'debug' : 'information',
    mayTrigger: given.isOn('successor') ? waitForBegin() : undefined,
  })
}

function waitForBegin(): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (message: { begin?: true }) => {
      if (message.begin) resolve()
    })
  })
}
