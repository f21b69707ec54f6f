#!/usr/bin/env node
import { resolve } from 'node:path'
import { type CommandLine, runCommand } from '../kit/command-line.ts'
import { emulatorKey } from '../kit/emulator-keys.ts'
import { FAST_LINE } from '../kit/lifecycle.ts'

const DEFAULT_PORT = 8081
const DEFAULT_DATA = '.cosmos'

const command: CommandLine<'port' | 'data' | 'control-port' | 'token-file' | 'fast'> = {
  name: 'tidemark-cosmos',
  description: 'Serves Azure Cosmos DB for NoSQL on this machine, for unmodified SDKs, and stores its data.',
  flags: {
    port: {
      value: 'PORT',
      help: `the port to listen on: ${DEFAULT_PORT} by default, 0 for any free port`,
      env: 'COSMOS_EMULATOR_PORT',
    },
    data: {
      value: 'FOLDER',
      help: `the data folder, for one process at a time: ${DEFAULT_DATA} by default`,
      env: 'COSMOS_EMULATOR_DATA',
    },
    'control-port': {
      value: 'PORT',
      help: 'the port of the control endpoint, 0 for any free port: by default there is none',
      env: 'COSMOS_EMULATOR_CONTROL_PORT',
    },
    'token-file': {
      value: 'FILE',
      help: 'a file of 43 characters that replaces the published account key',
      env: 'COSMOS_EMULATOR_TOKEN_FILE',
    },
    fast: {
      help: 'answers before a write is on disk: it survives the process, not the machine',
      env: 'COSMOS_EMULATOR_FAST',
    },
  },
  examples: ['npx tidemark-cosmos', 'npx tidemark-cosmos --port 0 --data /tmp/cosmos --fast'],
  from: import.meta.url,
}

await runCommand(command, async (given) => {
  const { startCosmos } = await import('./server.ts')
  const dataDir = resolve(given.text('data') ?? DEFAULT_DATA)
  const fast = given.isOn('fast')
  const running = await startCosmos({
    port: given.port('port', DEFAULT_PORT),
    dataDir,
    key: emulatorKey('cosmos', given.text('token-file')),
    fast,
    controlPort: given.port('control-port', undefined),
  })
  const { control, connectionString } = running
  const lines = [
    ...(control === undefined ? [] : [`${control} is the control endpoint`]),
    connectionString,
    `the data is in ${dataDir}`,
    ...(fast ? [FAST_LINE] : []),
    'ready: Ctrl-C ends it',
  ]
  return { ...running, lines }
})
