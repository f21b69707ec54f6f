import { RefusedError, UnreachableError } from '../../api/errors.ts'
import { INTERRUPTED, UsageError } from '../../command-line/arguments.ts'

/** What the exit codes of `tidemark` mean: docs/cli.md has them too, and a test holds both equal. */
export const exitCodes = {
  0: 'Done, and nothing is wrong.',
  1: 'Done, and something is wrong; or the service refused: nothing is there by that name, or its state forbids it.',
  2: 'Wrong usage: nothing was done.',
  3: 'No answer, or an incomplete one: nobody answers, or who answers does not let you in.',
  [INTERRUPTED]: 'Ctrl-C.',
} as const

export const FOUND = 1
export const USAGE = 2
export const UNREACHABLE = 3

/** The exit code of what ended a command; undefined where it is a fault of the command itself. */
export function toExitCode(error: unknown): number | undefined {
  if (error instanceof UnreachableError) return UNREACHABLE
  // The service names what is wrong in what was asked for, as the parser does.
  if (error instanceof RefusedError) return error.status === 400 ? USAGE : FOUND
  if (error instanceof UsageError) return USAGE
  if (error instanceof Error && error.name === 'StartError') return USAGE
  return undefined
}
