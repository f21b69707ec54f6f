// https://www.sqlite.org/rescode.html, primary codes.
const READ_ERRORS: Readonly<Record<number, string>> = {
  10: 'cannot be read',
  11: 'is damaged',
  26: 'is damaged',
}

/** Whether an error says that the data file is damaged or cannot be read. */
export function isDamage(error: unknown): error is Error {
  return primaryCode(error) in READ_ERRORS
}

/**
 * Ends the process with one log line when the data file is damaged or cannot be read. Any other answer could
 * be wrong.
 */
export function endIfDamaged(error: unknown): void {
  if (isDamage(error)) end(`${READ_ERRORS[primaryCode(error)]}`, error.message)
}

/** Ends the process for damage that a check of the file has found. */
export function endDamaged(what: string): void {
  end('is damaged', what)
}

function end(how: string, what: string): never {
  console.error(`the data file ${how}, so this process ends: ${what.replace(/\s+/g, ' ')}`)
  process.exit(1)
}

function primaryCode(error: unknown): number {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown }
  // The low byte is the primary code.
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : 0
}
