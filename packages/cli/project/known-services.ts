import { UsageError } from '../command-line/arguments.ts'
import { services } from './config.ts'

/** The service of this name. @throws UsageError where there is none, naming those there are. */
export function serviceNamed(name: string): (typeof services)[number] {
  const service = services.find((candidate) => candidate.name === name)
  if (service === undefined)
    throw new UsageError(`there is no service ${name}; there are ${services.map((each) => each.name).join(', ')}`)
  return service
}

/**
 * Names of services as they were given to a command, each once.
 * @throws UsageError for one that there is not, naming those there are.
 */
export function knownServices(given: readonly string[]): readonly string[] {
  return [...new Set(given.map((name) => serviceNamed(name).name))]
}
