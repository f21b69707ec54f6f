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
    help: 'with host.json, package.json and, where there is one, local.settings.json: the working folder',
    env: 'FUNCTIONS_HOST_FOLDER',
  },
  flags: {
    port: {
      value: 'PORT',
      help: `where it answers: ${DEFAULT_PORT}, or 0 for any free one`,
      env: 'FUNCTIONS_HOST_PORT',
    },
    main: {
      value: 'GLOB',
      help: 'the function files, in place of main of package.json',
      env: 'FUNCTIONS_HOST_MAIN',
    },
    'log-level': {
      value: 'LEVEL',
      help: `what it prints: ${LOG_LEVELS.join(', ')}; information unless it is given`,
      env: 'FUNCTIONS_HOST_LOG_LEVEL',
    },
    'token-file': {
      value: 'FILE',
      help: '43 characters that every request must show as its bearer token: none is asked for unless it is given',
      env: 'FUNCTIONS_HOST_TOKEN_FILE',
    },
    // It takes the place of another host, which still has the partitions: the parent says when that has ended.
    successor: { help: 'waits with its triggers until the parent says so', hidden: true },
  },
  examples: ['npx tidemark-functions-host', "npx tidemark-functions-host my-app --port 0 --main 'dist/functions/*.js'"],
  from: import.meta.url,
}

// The worker ends, and the host starts another. What the SDKs of this host leave behind when a connection
// breaks is not the app's.
process.on('unhandledRejection', (reason) => {
  if (!isAppRejection(reason)) return logFailure('host', `unhandled rejection: ${describe(reason)}`)
  log('critical', 'host', `unhandled rejection: ${describe(reason)}`)
  process.exit(1)
})

await runCommand(command, start)
if (process.exitCode) {
  // Function files that were loaded before the start failed may hold the process: timers, clients, servers.
  if (process.connected) await once(process, 'disconnect')
  process.exit()
}

async function start(given: Given<Flags>): Promise<RunningCommand> {
  // The app is compiled: its stacks name the sources all the same. An older Node has no such function, and is
  // told so by now.
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
    // As Core Tools do, where somebody starts it by hand; a parent has a line for each host.
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
