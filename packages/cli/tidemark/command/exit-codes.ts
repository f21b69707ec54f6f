import { RefusedError, UnreachableError } from '../../api/errors.ts'
import { INTERRUPTED, UsageError } from '../../command-line/arguments.ts'
import { WorkingCopyError } from './working-copy.ts'

/** The meaning of the exit codes of `tidemark`. A test checks that docs/cli.md has the same texts. */
export const exitCodes = {
  0: 'Done, and nothing is wrong.',
  1: 'Done, and something is wrong; or the service refused: nothing is there by that name, or its state forbids it.',
  2: 'Wrong usage: nothing was done.',
  3: 'No answer, or an incomplete one: a service does not answer, or denies you access.',
  [INTERRUPTED]: 'Ctrl-C.',
} as const

export const FOUND = 1
export const USAGE = 2
export const UNREACHABLE = 3

/** The exit code for an error that ended a command; undefined for a fault of the command itself. */
export function toExitCode(error: unknown): number | undefined {
  if (error instanceof UnreachableError) return UNREACHABLE
  // 400: the service found a mistake in the request, as the parser does.
  if (error instanceof RefusedError) return error.status === 400 ? USAGE : FOUND
  if (error instanceof WorkingCopyError) return FOUND
  if (error instanceof UsageError) return USAGE
  if (error instanceof Error && error.name === 'StartError') return USAGE
  return undefined
}
