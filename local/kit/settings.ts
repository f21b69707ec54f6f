import { StartError } from './errors.ts'

/**
 * The port of an environment variable; 0 is any free one.
 * @throws StartError naming the variable.
 */
export function portSetting(name: string, otherwise: number): number {
  const text = process.env[name]
  if (text === undefined || text === '') return otherwise
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new StartError(`${name} is ${JSON.stringify(text)}: set it to a port, 0 to 65535`)
  return Number(text)
}

/** An environment variable that there is no doing without. @throws StartError naming it. */
export function requiredSetting(name: string): string {
  const value = process.env[name]
  if (!value) throw new StartError(`set ${name}`)
  return value
}
