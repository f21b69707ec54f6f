import { spawnSync } from 'node:child_process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Command } from 'commander'
import { moduleFile } from '../../../kit/module-file.ts'
import { isCheckout, PROJECT } from '../../project/project.ts'
import { removeStale, reportStale } from '../../project/remove-stale.ts'
import { examples } from '../command/examples.ts'

interface HandedOver {
  readonly name: string
  readonly description: string
  /** The module that is the command. */
  readonly module: string
  /** It is about Tidemark or its sample, and only there where they are. */
  readonly inCheckout?: boolean
  /** What has to be built before: what hosts run, or the console alone. */
  readonly builds?: (args: readonly string[]) => 'functions' | 'console' | undefined
  /** What it is called with besides. */
  readonly always?: readonly string[]
  readonly examples: readonly string[]
}

const commands: readonly HandedOver[] = [
  {
    name: 'start',
    description: 'the local cloud and the services on it',
    module: '../../start.ts',
    builds: () => 'functions',
    examples: ['start', 'start --fresh', 'start --service ordering'],
  },
  {
    name: 'dev',
    description: 'the same from the sources, loaded anew at every save',
    module: '../../start.ts',
    builds: () => 'console',
    always: ['--watch'],
    examples: ['dev', 'dev --inspect'],
  },
  {
    name: 'cloud',
    description: 'the local cloud alone',
    module: '../../cloud.ts',
    examples: ['cloud', 'cloud --fast'],
  },
  {
    name: 'demo',
    description: 'drives what runs with a seeded workload, and checks every view against the logs',
    module: '../../demo.ts',
    inCheckout: true,
    examples: ['demo --orders 100'],
  },
  {
    name: 'chaos',
    description: 'histories in which everything goes wrong',
    module: '../../../../test/chaos/main.ts',
    inCheckout: true,
    builds: (args) => (args.includes('--cloud') ? 'functions' : undefined),
    examples: ['chaos --seeds 1000'],
  },
  {
    name: 'new',
    description: 'a service of your own, that runs',
    module: '../../new-service.ts',
    examples: ['new billing', 'new billing --aggregate invoice'],
  },
  {
    name: 'topology',
    description: 'writes what the services need to exist to infra/topology.json',
    module: '../../topology.ts',
    examples: ['topology'],
  },
  {
    name: 'schemas',
    description: 'writes the contracts of the services to schemas/, or checks them',
    module: '../../schemas.ts',
    examples: ['schemas', 'schemas --check', 'schemas --check --against origin/main'],
  },
  {
    name: 'bundle',
    description: 'makes of each service the folder that is deployed',
    module: '../../bundle.ts',
    examples: ['bundle', 'bundle --service ordering'],
  },
  {
    name: 'verify-raw',
    description: 'checks logs and views by reading the database itself, with code of its own',
    module: '../../verify.ts',
    examples: ['verify-raw ordering', 'verify-raw ordering --log'],
  },
  {
    name: 'replay',
    description: 'rebuilds a view from here, where the service does not run',
    module: '../../replay.ts',
    examples: ['replay ordering order'],
  },
  {
    name: 'republish',
    description: 'sends events of a log to its hub again, where the hub has lost them',
    module: '../../republish.ts',
    examples: ['republish ordering --since 2026-11-29T00:00:00Z'],
  },
  {
    name: 'cloud-settings',
    description: 'writes the settings to run a service here against what azd has provisioned',
    module: '../../cloud-settings.ts',
    examples: ['cloud-settings'],
  },
  {
    name: 'cloud-units',
    description: 'keeps the throughput that auto-inflate has come to, before azd provisions',
    module: '../../cloud-units.ts',
    examples: ['cloud-units'],
  },
]

/** The commands that are modules of their own: with arguments, exit codes and Ctrl-C of their own. */
export function addHandedOver(program: Command): void {
  for (const each of commands) {
    if (each.inCheckout && !isCheckout) continue
    const command = program
      .command(each.name)
      .description(each.description)
      .argument('[arguments...]', 'those of the command')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .addHelpText('after', examples(...each.examples))
      .action(async (args: readonly string[]) => {
        const helps = args.some((arg) => arg === '--help' || arg === '-h')
        if (helps) command.outputHelp()
        // The modules read their arguments, folders and settings as npm runs them: in the root.
        process.chdir(PROJECT)
        const built = helps ? undefined : each.builds?.(args)
        if (built && !build(built)) return
        process.argv.splice(2, process.argv.length, ...(helps ? ['--help'] : [...(each.always ?? []), ...args]))
        await import(pathToFileURL(moduleFile(each.module, import.meta.url)).href)
      })
  }
}

/** As `npm run build` and `npm run console` do. @returns whether it could be built. */
function build(what: 'functions' | 'console'): boolean {
  // Packed, the console is built.
  if (what === 'console') return !isCheckout || run(moduleFile('../../build-console.ts', import.meta.url))
  if (!run(fileURLToPath(import.meta.resolve('typescript/bin/tsc')), '-b', 'tsconfig.build.json')) return false
  reportStale(removeStale(PROJECT))
  return true
}

function run(...args: readonly string[]): boolean {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
  return status === 0
}
