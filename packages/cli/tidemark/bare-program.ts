import { Command } from 'commander'

/** The command `tidemark`, with no commands yet. */
export function bareProgram(): Command {
  return new Command('tidemark')
    .description('Runs, inspects and operates Tidemark services.')
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(--help shows the usage)')
}
