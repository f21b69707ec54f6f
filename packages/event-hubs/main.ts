#!/usr/bin/env node
import { resolve } from 'node:path'
import { type CommandLine, type Given, runCommand, UsageError } from '../kit/command-line.ts'
import { eventHubsKey } from '../kit/emulator-keys.ts'
import { FAST_LINE } from '../kit/lifecycle.ts'
import { InvalidSettings } from '../kit/settings-check.ts'
import type { RunningEventHubs } from './server.ts'
import type { NamespaceSettings } from './settings/namespace-settings.ts'

const DEFAULT_PORT = 5672
const DEFAULT_DATA = '.event-hubs'

type Flags = 'port' | 'data' | 'hub' | 'config' | 'control-port' | 'token-file' | 'fast'

const command: CommandLine<Flags> = {
  name: 'tidemark-event-hubs',
  description: 'Emulates Azure Event Hubs on this machine: AMQP 1.0 for unmodified SDKs, with events stored on disk.',
  flags: {
    port: {
      value: 'PORT',
      help: `port to listen on: ${DEFAULT_PORT} by default, 0 for any free port`,
      env: 'EVENT_HUBS_EMULATOR_PORT',
    },
    data: {
      value: 'FOLDER',
      help: `data folder, used by one process at a time: ${DEFAULT_DATA} by default`,
      env: 'EVENT_HUBS_EMULATOR_DATA',
    },
    hub: {
      value: 'NAME:PARTITIONS:GROUPS',
      help: 'a hub in addition to those of --config; default 1 partition, groups separated by commas. Repeatable',
      several: true,
    },
    config: {
      value: 'FILE',
      help: "hubs and namespaces in JSON, or the file of Microsoft's emulator",
      env: 'EVENT_HUBS_EMULATOR_CONFIG',
    },
    'control-port': {
      value: 'PORT',
      help: 'port of the control endpoint, 0 for any free port; without the flag there is no control endpoint',
      env: 'EVENT_HUBS_EMULATOR_CONTROL_PORT',
    },
    'token-file': {
      value: 'FILE',
      help: 'a file of 43 characters, from which the key is made; without it, the published key',
      env: 'EVENT_HUBS_EMULATOR_TOKEN_FILE',
    },
    fast: {
      help: 'acknowledge events before they are on disk: they survive a crash of the process, not of the machine',
      env: 'EVENT_HUBS_EMULATOR_FAST',
    },
  },
  examples: [
    'npx tidemark-event-hubs --hub orders:4 --hub payments:2:audit,billing',
    'npx tidemark-event-hubs --config hubs.json --control-port 5300',
  ],
  from: import.meta.url,
}

await runCommand(command, async (given) => {
  const { startEventHubs } = await import('./server.ts')
  const dataDir = resolve(given.text('data') ?? DEFAULT_DATA)
  const fast = given.isOn('fast')
  const running = await startEventHubs({
    port: given.port('port', DEFAULT_PORT),
    dataDir,
    namespaces: await loadNamespaces(given),
    key: eventHubsKey(given.text('token-file')),
    fast,
    controlPort: given.port('control-port', undefined),
  })
  return { ...running, lines: formatLines(running, dataDir, fast) }
})

/** Loads the namespaces of the file and adds the hubs of the flags to the first. @throws UsageError, StartError */
async function loadNamespaces(given: Given<Flags>): Promise<readonly NamespaceSettings[]> {
  const { readConfiguration, readNamespaces, withHubs } = await import('./settings/namespace-settings.ts')
  const file = given.text('config')
  const namespaces = file === undefined ? readConfiguration({ hubs: [] }) : await readNamespaces(file)
  try {
    return withHubs(namespaces, given.texts('hub').map(parseHub))
  } catch (error) {
    if (error instanceof InvalidSettings) throw new UsageError(`--hub: ${error.message}`)
    throw error
  }
}

/** Parses `orders:4:audit,billing`. */
function parseHub(text: string): object {
  const [name, partitions = '1', groups, ...others] = text.split(':')
  if (others.length > 0)
    throw new UsageError(`--hub is ${JSON.stringify(text)}: NAME:PARTITIONS:GROUP,GROUP is expected`)
  return { name, partitions: Number(partitions || Number.NaN), consumerGroups: groups ? groups.split(',') : [] }
}

/** Formats the lines after the first namespace's address, which `runCommand` prints. */
function formatLines({ namespaces, control }: RunningEventHubs, dataDir: string, fast: boolean): readonly string[] {
  const hubs = namespaces.flatMap((namespace) => namespace.hubs)
  const none =
    'there is no hub: add one with --hub orders:4, or create one at the control endpoint, which --control-port opens'
  return [
    ...namespaces.slice(1).map(({ name, address }) => `${address} is namespace ${name}`),
    ...(control === undefined ? [] : [`${control} is the control endpoint`]),
    ...namespaces.map(({ connectionString }) => connectionString),
    hubs.length === 0 ? none : `hubs: ${hubs.join(', ')}`,
    `the data is in ${dataDir}`,
    ...(fast ? [FAST_LINE] : []),
    'ready: Ctrl-C ends it',
  ]
}
