import { StartError } from '../kit/errors.ts'

/** Application settings: plain environment variables, as in Functions. */
export type Settings = Readonly<Record<string, string | undefined>>

/** @throws StartError naming the missing setting and the function that needs it. */
export function requiredSetting(settings: Settings, name: string, functionName: string): string {
  const value = settings[name]
  if (value) return value
  const identity = Object.keys(settings).find((key) => key.startsWith(`${name}__`))
  if (identity)
    throw new StartError(`function ${functionName}: ${identity} is identity-based: set ${name} to a connection string`)
  throw new StartError(`function ${functionName}: the setting ${name} is missing`)
}

/**
 * Replaces each `%NAME%` with the setting NAME.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-expressions-patterns#binding-expressions---app-settings
 * @throws StartError if a setting is missing.
 */
export function resolveExpressions(text: string, settings: Settings, functionName: string): string {
  return text.replace(/%([^%]+)%/g, (_, name: string) => requiredSetting(settings, name, functionName))
}

/** Reads a whole number of milliseconds, at least 1. @throws StartError */
export function millisecondsSetting(settings: Settings, name: string, otherwise: number): number {
  const text = settings[name]
  if (text === undefined || text === '') return otherwise
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1)
    throw new StartError(`${name} is ${JSON.stringify(text)}: set it to milliseconds, a whole number from 1 on`)
  return value
}
