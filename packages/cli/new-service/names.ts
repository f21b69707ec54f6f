import { RESERVED_PATHS } from 'tidemark/tools'
import { UsageError } from '../command-line/arguments.ts'

/** What a new service is called, and what is called after it. */
export interface Names {
  /** `gift-cards`: of the service, its folder, its database and its event hub. */
  readonly service: string
  /** `giftCards`: of its declaration. */
  readonly constant: string
  /** `card`: of the aggregate, its decider, and the first part of its streams. */
  readonly aggregate: string
  /** `Card`: what its events begin with. */
  readonly type: string
}

/** With `-reactions` behind it, it has to fit the 50 characters that a consumer group may have. */
const MAX_SERVICE = 30
/** The same, and the names of what the code calls after it stay readable. */
const MAX_AGGREGATE = 20

// Words that a module may not name anything by. https://tc39.es/ecma262/#prod-ReservedWord, and those that
// strict code and modules reserve.
const reserved = new Set(
  `arguments as async await break case catch class const continue debugger default delete do else enum eval export extends false
  finally for function if implements import in instanceof interface let new null of package private protected public return static
  super switch this throw true try type typeof undefined var void while with yield`.split(/\s+/),
)

/** @throws UsageError for a name that cannot be one, or that the code could not use. */
export function parseNames(service: string, aggregate: string): Names {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(service) || service.length > MAX_SERVICE)
    throw new UsageError(
      `${service} cannot be the name of a service: 1 to ${MAX_SERVICE} lower-case letters, digits and single dashes, a letter first`,
    )
  if (!/^[a-z][a-z0-9]*$/.test(aggregate) || aggregate.length > MAX_AGGREGATE)
    throw new UsageError(
      `${aggregate} cannot be the name of an aggregate: 1 to ${MAX_AGGREGATE} lower-case letters and digits, a letter first`,
    )
  if (RESERVED_PATHS.includes(aggregate))
    throw new UsageError(`${aggregate} is where every service answers its operators: name the aggregate otherwise`)
  const constant = service.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const type = aggregate.slice(0, 1).toUpperCase() + aggregate.slice(1)
  for (const word of [constant, aggregate])
    if (reserved.has(word)) throw new UsageError(`${word} is a reserved word: nothing in the code can be called so`)
  return { service, constant, aggregate, type }
}
