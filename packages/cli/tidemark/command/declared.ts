import { Argument } from 'commander'
import { canary, erasure } from 'tidemark'
import { type AnyView, isStream, listReactions } from 'tidemark/tools'
import { UsageError } from '../../command-line/arguments.ts'
import { services } from '../../project/config.ts'

/** Every service of this repository, by name. */
export const serviceNames: readonly string[] = services.map(({ name }) => name)

/** The service of each category. Without those that several services have. */
const owners = new Map(
  services.flatMap(({ name, deciders }) =>
    deciders
      .filter((decider) => decider !== canary && decider !== erasure)
      .map(({ category }) => [category, name] as const),
  ),
)

export const categories: readonly string[] = [...owners.keys()]

/** Every view of the services, once. */
const viewNames: readonly string[] = [...new Set(services.flatMap(({ views }) => views.map(({ name }) => name)))]

/**
 * The chosen services that can have streams of a category.
 * @param category undefined: any. @throws UsageError if its service is not chosen
 */
export function selectServices(
  category: string | undefined,
  chosen: readonly string[] | undefined,
): readonly string[] | undefined {
  const owner = category === undefined ? undefined : owners.get(category)
  if (chosen && owner && !chosen.includes(owner))
    throw new UsageError(`${category} is a category of ${owner}, not of ${chosen.join(', ')}`)
  return owner ? [owner] : chosen
}

/** The service whose log has a stream. @throws UsageError if no service has such streams */
export function findOwner(stream: string): string {
  const owner = isStream(stream) ? owners.get(stream.slice(0, stream.indexOf('-'))) : undefined
  if (owner !== undefined) return owner
  throw new UsageError(
    `no service has a stream ${stream}; there are ${categories.map((category) => `${category}-<id>`).join(', ')}`,
  )
}

/** The argument for a view. `findView` checks it, and names the views of the service. */
export function viewArgument(): Argument {
  return new Argument('<view>', 'the view').choices(viewNames).argParser((name) => name)
}

/**
 * A view of a service, as this working copy declares it.
 * @throws UsageError if the service has none of this name; for a reaction: why it has no views' commands
 */
export function findView(service: string, name: string): AnyView {
  const declared = services.find((each) => each.name === service)
  const view = declared?.views.find((each) => each.name === name)
  if (view) return view
  if (declared && listReactions(declared).some((each) => each.name === name))
    throw new UsageError(
      `${name} is a reaction, not a view: it cannot be rebuilt or tried out, because its commands would be sent ` +
        `again. If something waits for it: tidemark parked redrive ${service} --handler ${name}`,
    )
  const names = declared?.views.map((each) => each.name) ?? []
  throw new UsageError(`${service} has no view ${name}; it has ${names.join(', ')}`)
}
