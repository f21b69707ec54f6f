import { StartError } from '../kit/errors.ts'
import type { Binding } from './protocol.ts'
import type { RegisteredFunction } from './registrations.ts'
import { resolveExpressions, type Settings } from './settings.ts'

export class TriggerOptions {
  readonly functionName: string
  readonly binding: Binding
  readonly settings: Settings
  /** The worker's name for the trigger's input. */
  readonly bindingName: string

  constructor({ metadata }: RegisteredFunction, settings: Settings) {
    const found = Object.entries(metadata.bindings).find(([, binding]) => /trigger$/i.test(binding.type))
    if (!found) throw new StartError(`function ${metadata.name} has no trigger`)
    this.functionName = metadata.name
    this.bindingName = found[0]
    this.binding = found[1]
    this.settings = settings
  }

  /** Reads a string and resolves its `%NAME%`. @throws StartError if it is missing and has no default. */
  string(option: string, otherwise?: string): string {
    const value = this.binding[option]
    if (typeof value === 'string' && value !== '') return resolveExpressions(value, this.settings, this.functionName)
    if (value !== undefined && value !== '') throw this.invalid(option, 'a string')
    if (otherwise === undefined) throw this.invalid(option, 'given')
    return otherwise
  }

  boolean(option: string): boolean {
    const value = this.binding[option] ?? false
    if (typeof value !== 'boolean') throw this.invalid(option, 'true or false')
    return value
  }

  /** Reads a whole number of at least `least`. */
  number(option: string, otherwise: number, least = 1): number {
    const value = this.binding[option] ?? otherwise
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least)
      throw this.invalid(option, `a whole number from ${least} on`)
    return value
  }

  invalid(option: string, expected: string): StartError {
    return new StartError(
      `function ${this.functionName}: ` +
        `${option} is ${JSON.stringify(this.binding[option]) ?? 'missing'}, it must be ${expected}`,
    )
  }
}
