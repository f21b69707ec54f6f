import { Command } from 'commander'

/** The command `tidemark`, with no commands yet. */
export function bareProgram(): Command {
  return new Command('tidemark')
    .description('Runs Tidemark, looks into what runs, and looks after it.')
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(--help tells what there is)')
}
