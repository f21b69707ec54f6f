/**
 * A part of the local cloud cannot start. The message is one line that says what to do; no stack is printed.
 */
export class StartError extends Error {
  override name = 'StartError'
}
