import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import { diffValues } from './format.ts'

/**
 * Freezes a value and all that it holds, and returns it. What is frozen already is left as it is, and bytes,
 * which cannot be.
 */
export function freezeDeep<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) freezeDeep(part)
  return value
}

/**
 * What a pure function makes of what it is given, frozen: called twice, it must answer the same and leave
 * what it was given as it was.
 * @param what its name, for the message.
 * @throws AssertionError where it does not, or throws.
 */
export function pure<Args extends readonly unknown[], Value>(
  what: string,
  call: (...args: Args) => Value,
  ...args: Args
): Value {
  freezeDeep(args)
  // Freezing keeps neither a Map nor a Set from being changed.
  const before = structuredClone(args)
  const [first, second] = [attempt(what, call, args), attempt(what, call, args)]
  if (!isDeepStrictEqual(structuredClone(args), before))
    throw new AssertionError({ message: `${what} is not pure: it changes what it is given` })
  if (!isDeepStrictEqual(first, second))
    throw new AssertionError({
      message: [
        `${what} is not pure: called twice with the same, it answers differently the second time`,
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
    const message = `${what} throws, where it is to be total and to leave what it is given as it is: ${cause}`
    throw Object.assign(new AssertionError({ message }), { cause })
  }
}
