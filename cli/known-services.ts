import { UsageError } from './arguments.ts'
import { services } from './services.ts'

/** Names of services as they were given to a command, each once. @throws UsageError for one that there is not, naming those there are. */
export function knownServices(given: readonly string[]): readonly string[] {
  const names = services.map(({ name }) => name)
  for (const name of given)
    if (!names.includes(name)) throw new UsageError(`there is no service ${name}; there are ${names.join(', ')}`)
  return [...new Set(given)]
}
