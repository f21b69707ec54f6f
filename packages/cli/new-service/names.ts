import { RESERVED_PATHS } from 'tidemark/tools'
import { UsageError } from '../command-line/arguments.ts'

/** The name of a new service, and the names derived from it. */
export interface Names {
  /** `gift-cards`: the service, its folder, its database and its event hub. */
  readonly service: string
  /** `giftCards`: its declaration. */
  readonly constant: string
  /** `card`: the aggregate, its decider, and the first part of its streams. */
  readonly aggregate: string
  /** `Card`: the beginning of its event types. */
  readonly type: string
}

/** With `-reactions` appended, it must fit into the 50 characters of a consumer group. */
const MAX_SERVICE = 30
/** For the same reason, and so that the names derived from it stay readable. */
const MAX_AGGREGATE = 20

// Words that a module may not use as names: https://tc39.es/ecma262/#prod-ReservedWord, and those that strict
// code and modules reserve.
const reserved = new Set(
  `arguments as async await break case catch class const continue debugger default delete do else enum eval export
  extends false finally for function if implements import in instanceof interface let new null of package private
  protected public return static super switch this throw true try type typeof undefined var void while with
  yield`.split(/\s+/),
)

/** @throws UsageError for an invalid name, or one that the code could not use. */
export function parseNames(service: string, aggregate: string): Names {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(service) || service.length > MAX_SERVICE)
    throw new UsageError(
      `${service} cannot be the name of a service: use 1 to ${MAX_SERVICE} lower-case letters, digits and single ` +
        'dashes, and begin with a letter',
    )
  if (!/^[a-z][a-z0-9]*$/.test(aggregate) || aggregate.length > MAX_AGGREGATE)
    throw new UsageError(
      `${aggregate} cannot be the name of an aggregate: use 1 to ${MAX_AGGREGATE} lower-case letters and digits, ` +
        'and begin with a letter',
    )
  if (RESERVED_PATHS.includes(aggregate))
    throw new UsageError(`${aggregate} is a path of the operations API: choose another aggregate`)
  const constant = service.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const type = aggregate.slice(0, 1).toUpperCase() + aggregate.slice(1)
  for (const word of [constant, aggregate])
    if (reserved.has(word)) throw new UsageError(`${word} is a reserved word: choose another name`)
  return { service, constant, aggregate, type }
}
