import type { Command } from 'commander'
import { needProject, PROJECT } from '../../project/project.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { plain } from '../output/text.ts'

interface Options {
  readonly check?: boolean
  readonly force?: boolean
}

export function addUpgrade(program: Command): void {
  program
    .command('upgrade')
    .description('brings infra/tidemark, host.json, settings, scripts and renamed imports to the installed version')
    .option('--check', 'show what would be done, and write nothing; exits with 1 if there is something to do')
    .option('--force', "overwrite edits in Tidemark's own files, and accept a project without a stamp")
    .addHelpText('after', examples('upgrade --check', 'upgrade'))
    .action(async ({ check = false, force = false }: Options) => {
      needProject()
      const { upgrade } = await import('../../upgrade/upgrade.ts')
      const say = (text: string): void => {
        for (const line of text.split('\n')) console.log(plain(line))
      }
      if (!(await upgrade(PROJECT, { check, force }, say))) process.exitCode = FOUND
    })
}
