/** An invalid setting. The message is one line that names the place. */
export class InvalidSettings extends Error {
  override name = 'InvalidSettings'
}

/** Builds an error from a place and the mistake there; place `''` is the whole value. */
export function invalid(place: string, what: string): InvalidSettings {
  return new InvalidSettings(place === '' ? what : `${place}: ${what}`)
}

/**
 * Checks that a value is an object without members other than `known`, and returns it.
 * @throws InvalidSettings
 */
export function checkMembers<Name extends string>(
  value: unknown,
  place: string,
  known: readonly Name[],
): Readonly<Partial<Record<Name, unknown>>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(place, 'an object is expected')
  const unknown = Object.keys(value).find((name) => !(known as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw invalid(place, `${JSON.stringify(unknown)} is unknown, known are ${known.join(', ')}`)
  return value as Partial<Record<Name, unknown>>
}

/** @throws InvalidSettings */
export function checkArray(value: unknown, place: string, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(place, `"${name}" must be an array`)
  return value
}

/** The smallest and the largest allowed number. */
interface Range {
  readonly min: number
  readonly max: number
}

/** @throws InvalidSettings */
export function wholeNumber(value: unknown, place: string, name: string, { min, max }: Range): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw invalid(place, `"${name}" must be ${min} to ${max}`)
  return value
}

/** Reads a probability. @throws InvalidSettings */
export function readRate(value: unknown, place: string, name: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw invalid(place, `"${name}" must be 0 to 1`)
  return value
}

/** @returns undefined if the value is undefined. @throws InvalidSettings */
export function optionalWholeNumber(value: unknown, place: string, name: string, range: Range): number | undefined {
  return value === undefined ? undefined : wholeNumber(value, place, name, range)
}
