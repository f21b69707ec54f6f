import { type Command, CommanderError } from 'commander'
import { toExitCode, USAGE } from './command/exit-codes.ts'
import { plain } from './output/text.ts'

/** 128 plus the number of SIGPIPE: the reader of the output, such as `head`, has ended. */
const READER_GONE = 141

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(READER_GONE)
  throw error
})

/** All commands. Imported late, because they read the services of the project. */
async function all(): Promise<Command> {
  const { tidemark } = await import('./program.ts')
  return tidemark()
}

/**
 * The commands that do not read the services. `upgrade` fixes services that no longer load after a newer version
 * renamed what they import. `check-proof` is for somebody who has a proof and no project.
 */
const alone: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
  upgrade: async () => (await import('./commands/upgrade.ts')).addUpgrade,
  'check-proof': async () => (await import('./commands/check-proof.ts')).addCheckProof,
}

async function only(add: (program: Command) => void): Promise<Command> {
  const { bareProgram } = await import('./bare-program.ts')
  const program = bareProgram()
  add(program)
  return program
}

try {
  const add = await alone[process.argv[2] ?? '']?.()
  const program = add ? await only(add) : await all()
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help is no mistake if it was requested. A missing command is one.
    process.exitCode = error.exitCode === 0 ? 0 : USAGE
  } else {
    const code = toExitCode(error)
    if (code === undefined) throw error
    // Line by line, so that `plain` does not escape the line ends.
    for (const line of (error as Error).message.split('\n')) console.error(plain(line))
    process.exitCode = code
  }
}
