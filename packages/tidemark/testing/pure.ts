import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { diffValues } from './format.ts'

/**
 * Freezes a value and everything in it, and returns it. Skips values that are already frozen, and bytes,
 * which cannot be frozen.
 */
export function freezeDeep<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) freezeDeep(part)
  return value
}

/**
 * Calls a pure function twice with frozen arguments. It must return equal results and leave its arguments
 * unchanged.
 * @param what its name, for the error message.
 * @throws AssertionError if it does not, or if it throws.
 */
export function pure<Args extends readonly unknown[], Value>(
  what: string,
  call: (...args: Args) => Value,
  ...args: Args
): Value {
  freezeDeep(args)
  // A frozen Map or Set can still be changed.
  const before = structuredClone(args)
  const [first, second] = [attempt(what, call, args), attempt(what, call, args)]
  if (!isDeepStrictEqual(structuredClone(args), before))
    throw new AssertionError({ message: `${what} is not pure: it changes its arguments` })
  if (!isDeepStrictEqual(first, second))
    throw new AssertionError({
      message: [
        `${what} is not pure: called twice with the same arguments, it returns different results`,
        ...diffValues(first, second),
      ].join('\n  '),
      expected: first,
      actual: second,
    })
  return freezeDeep(first)
}

function attempt<Args extends readonly unknown[], Value>(
  what: string,
  call: (...args: Args) => Value,
  args: Args,
): Value {
  try {
    return call(...args)
  } catch (cause) {
    const message = `${what} throws, but must be total and must not change its arguments: ${cause}`
    throw Object.assign(new AssertionError({ message }), { cause })
  }
}
