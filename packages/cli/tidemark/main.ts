import { type Command, CommanderError } from 'commander'
import { toExitCode, USAGE } from './command/exit-codes.ts'
import { plain } from './output/text.ts'

/** 128 and SIGPIPE: whoever read the output, such as `head`, has ended. */
const READER_GONE = 141

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(READER_GONE)
  throw error
})

/** It reads the services of the project, and there may be none. */
async function all(): Promise<Command> {
  const { tidemark } = await import('./program.ts')
  return tidemark()
}

/** It mends services that load no more, because a newer version has renamed what they import: so it reads none. */
async function upgradeAlone(): Promise<Command> {
  const { bareProgram } = await import('./bare-program.ts')
  const { addUpgrade } = await import('./commands/upgrade.ts')
  const program = bareProgram()
  addUpgrade(program)
  return program
}

try {
  const program = process.argv[2] === 'upgrade' ? await upgradeAlone() : await all()
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // Help that was asked for is no mistake; without a command it is.
    process.exitCode = error.exitCode === 0 ? 0 : USAGE
  } else {
    const code = toExitCode(error)
    if (code === undefined) throw error
    // Several lines are of a command's own making.
    for (const line of (error as Error).message.split('\n')) console.error(plain(line))
    process.exitCode = code
  }
}
