import { hasLog } from 'tidemark/tools'
import { UsageError } from '../command-line/arguments.ts'
import { services } from './config.ts'

/** The service of this name. @throws UsageError if there is none, with the names that exist. */
export function serviceNamed(name: string): (typeof services)[number] {
  const service = services.find((candidate) => candidate.name === name)
  if (service === undefined)
    throw new UsageError(`there is no service ${name}; there are ${services.map((each) => each.name).join(', ')}`)
  return service
}

/** The service of this name, which has a log. @throws UsageError if there is none, or it only follows others */
export function recordingServiceNamed(name: string): (typeof services)[number] {
  const service = serviceNamed(name)
  if (hasLog(service)) return service
  throw new UsageError(`${name} has no log: it only follows other services`)
}

/**
 * The service names given to a command, each once.
 * @throws UsageError for an unknown name, with the names that exist.
 */
export function knownServices(given: readonly string[]): readonly string[] {
  return [...new Set(given.map((name) => serviceNamed(name).name))]
}
