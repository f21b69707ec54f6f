import { StartError } from './errors.ts'

/** What is said at a start with TIDEMARK_FAST. */
export const FAST_LINE = '--fast: acknowledged is not on disk'

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

/**
 * Whether an environment variable says so: 1, not 0; left out or empty it does not.
 * @throws StartError naming the variable.
 */
export function flagSetting(name: string): boolean {
  const text = process.env[name] ?? ''
  if (!['', '0', '1'].includes(text)) throw new StartError(`${name} is ${JSON.stringify(text)}: set it to 1 or 0`)
  return text === '1'
}

/** An environment variable that there is no doing without. @throws StartError naming it. */
export function requiredSetting(name: string): string {
  const value = process.env[name]
  if (!value) throw new StartError(`set ${name}`)
  return value
}
