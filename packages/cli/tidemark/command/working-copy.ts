import { UsageError } from '../../command-line/arguments.ts'

/** This working copy's code cannot process the history: its code throws, or is older than the log. */
export class WorkingCopyError extends UsageError {}

/**
 * Runs code of the working copy.
 * @throws WorkingCopyError in one line; its error already names the view or decider, and the event.
 */
export async function inWorkingCopy<Result>(run: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'TidemarkError') throw error
    const { code, message } = error as Error & { readonly code: string }
    const hint = code === 'event-unknown' ? '. This working copy is older than the log: update it first' : ''
    throw new WorkingCopyError(`${code}: ${message}${hint}`)
  }
}
