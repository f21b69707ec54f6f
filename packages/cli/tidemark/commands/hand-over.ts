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
  /** The module that runs the command. */
  readonly module: string
  /** It is about Tidemark itself or its sample, so it exists only in a checkout. */
  readonly inCheckout?: boolean
  /** What must be built first: the functions, or only the console. */
  readonly builds?: (args: readonly string[]) => 'functions' | 'console' | undefined
  /** Arguments that are always added. */
  readonly always?: readonly string[]
  readonly examples: readonly string[]
}

const commands: readonly HandedOver[] = [
  {
    name: 'start',
    description: 'runs the local cloud and the services on it',
    module: '../../start.ts',
    builds: () => 'functions',
    examples: ['start', 'start --fresh', 'start --service ordering'],
  },
  {
    name: 'dev',
    description: 'runs the same from the sources, reloaded at every save',
    module: '../../start.ts',
    builds: () => 'console',
    always: ['--watch'],
    examples: ['dev', 'dev --inspect'],
  },
  {
    name: 'cloud',
    description: 'runs only the local cloud',
    module: '../../cloud.ts',
    examples: ['cloud', 'cloud --fast'],
  },
  {
    name: 'demo',
    description: 'drives the running services with a seeded workload, and checks every view against the logs',
    module: '../../demo.ts',
    inCheckout: true,
    examples: ['demo --orders 100'],
  },
  {
    name: 'chaos',
    description: 'runs random histories with injected faults, and checks the results',
    module: '../../../../test/chaos/main.ts',
    inCheckout: true,
    builds: (args) => (args.includes('--cloud') ? 'functions' : undefined),
    examples: ['chaos --seeds 1000'],
  },
  {
    name: 'new',
    description: 'adds a new service that runs',
    module: '../../new-service.ts',
    examples: ['new billing', 'new billing --aggregate invoice'],
  },
  {
    name: 'topology',
    description: 'writes the resources that the services need to infra/topology.json',
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
    description: 'bundles each service into a folder for deployment',
    module: '../../bundle.ts',
    examples: ['bundle', 'bundle --service ordering'],
  },
  {
    name: 'verify-raw',
    description: 'checks logs, archives and views where they are stored, with independent code',
    module: '../../verify.ts',
    examples: ['verify-raw ordering', 'verify-raw ordering --log', 'verify-raw ordering --no-archive'],
  },
  {
    name: 'replay',
    description: 'rebuilds a view from this machine, if the service does not run',
    module: '../../replay.ts',
    examples: ['replay ordering order'],
  },
  {
    name: 'republish',
    description: 'sends events of a log to its hub again, if the hub has lost them',
    module: '../../republish.ts',
    examples: ['republish ordering --since 2026-11-29T00:00:00Z'],
  },
  {
    name: 'cloud-settings',
    description: 'writes settings to run a service here with the resources that azd has provisioned',
    module: '../../cloud-settings.ts',
    examples: ['cloud-settings'],
  },
  {
    name: 'cloud-units',
    description: 'records the current throughput units, so that azd does not reduce them',
    module: '../../cloud-units.ts',
    examples: ['cloud-units'],
  },
]

/** Adds the commands that are modules of their own, with their own arguments, exit codes and Ctrl-C. */
export function addHandedOver(program: Command): void {
  for (const each of commands) {
    if (each.inCheckout && !isCheckout) continue
    const command = program
      .command(each.name)
      .description(each.description)
      .argument('[arguments...]', 'the arguments of the command')
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .addHelpText('after', examples(...each.examples))
      .action(async (args: readonly string[]) => {
        const helps = args.some((arg) => arg === '--help' || arg === '-h')
        if (helps) command.outputHelp()
        // The modules expect to run in the root, as npm runs them.
        process.chdir(PROJECT)
        const built = helps ? undefined : each.builds?.(args)
        if (built && !build(built)) return
        process.argv.splice(2, process.argv.length, ...(helps ? ['--help'] : [...(each.always ?? []), ...args]))
        await import(pathToFileURL(moduleFile(each.module, import.meta.url)).href)
      })
  }
}

/** Builds as `npm run build` and `npm run console` do. @returns whether it succeeded. */
function build(what: 'functions' | 'console'): boolean {
  // The package contains the built console.
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
