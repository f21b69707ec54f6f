/**
 * What a part of the local cloud throws when it cannot start: one line that says what to do. Printed without a stack.
 */
export class StartError extends Error {
  override name = 'StartError'
}
