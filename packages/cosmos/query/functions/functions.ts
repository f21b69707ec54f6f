import { ARRAYS } from './arrays.ts'
import type { BuiltIn } from './built-in.ts'
import { DATES } from './dates.ts'
import { NUMBERS } from './numbers.ts'
import { STRINGS } from './strings.ts'
import { TYPE_CHECKS } from './types.ts'

/**
 * All functions, by their names in capitals. The case of a name does not matter.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/system-functions
 */
export const FUNCTIONS: ReadonlyMap<string, BuiltIn> = new Map(
  Object.entries({ ...ARRAYS, ...DATES, ...NUMBERS, ...STRINGS, ...TYPE_CHECKS }),
)

/**
 * The service's functions that the emulator lacks: spatial, vector and full-text search, other aggregates.
 */
export const UNSUPPORTED: ReadonlySet<string> = new Set(
  (
    'ST_AREA ST_DISTANCE ST_WITHIN ST_INTERSECTS ST_ISVALID ST_ISVALIDDETAILED VECTORDISTANCE FULLTEXTCONTAINS ' +
    'FULLTEXTCONTAINSALL FULLTEXTCONTAINSANY FULLTEXTSCORE RRF DOCUMENTID COUNTIF MAKELIST MAKESET'
  ).split(' '),
)
