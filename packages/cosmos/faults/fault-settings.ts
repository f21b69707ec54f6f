import { checkArray, checkMembers, invalid, optionalWholeNumber, wholeNumber } from '../../kit/settings-check.ts'
import { OPERATIONS, type OperationName } from '../api/operations.ts'
import type { Container } from '../resources/catalog.ts'

/** What may befall a request instead of its answer; one of them at a time. */
export const FAILING_KINDS = [
  'throttle',
  'retry-with',
  'unavailable',
  'gone',
  'drop-before-commit',
  'drop-after-commit',
] as const
const KINDS = [...FAILING_KINDS, 'latency', 'lagging-replica'] as const
/** What a replica that is behind may answer. */
const LAGGING_OPERATIONS = ['read-item', 'list-items', 'query-items'] as const

export type FailingKind = (typeof FAILING_KINDS)[number]

interface Chance {
  /** Of the requests of each of the operations, 0 to 1. */
  readonly rate: number
  /** Left out: all that it can befall. */
  readonly operations?: readonly OperationName[]
  /** Done so often at most. */
  readonly times?: number
}

export type FaultSetting = Chance &
  (
    | {
        readonly kind: FailingKind
        /** Told with a `throttle` alone. */
        readonly retryAfterMs?: number
      }
    | {
        readonly kind: 'latency'
        /** By which requests are held back before they are run, anything between the two. */
        readonly minMs: number
        readonly maxMs: number
      }
    | {
        /** Reads are answered with the data as they were when the faults were set. */
        readonly kind: 'lagging-replica'
        /** Those of the databases and containers of these ids. Left out: all. */
        readonly database?: string
        readonly container?: string
      }
  )

type FailingSetting = Extract<FaultSetting, { readonly kind: FailingKind }>

export interface FaultSettings {
  /** 32 bits: the same seed gives the same sequence of answers to each operation. */
  readonly seed: number
  readonly faults: readonly FaultSetting[]
}

const MAX_SEED = 2 ** 32 - 1
const MAX_FAULTS = 100
const MAX_TIMES = 1_000_000_000
const MAX_MS = 60_000

/** @throws InvalidSettings naming the member. */
export function readFaultSettings(value: unknown): FaultSettings {
  const given = checkMembers(value, '', ['seed', 'faults'])
  const seed = wholeNumber(given.seed, 0, MAX_SEED, '', 'seed')
  const list = checkArray(given.faults, '', 'faults')
  if (list.length > MAX_FAULTS) throw invalid('', `"faults" has at most ${MAX_FAULTS} members`)
  const faults = list.map((fault, index) => readFault(fault, `faults[${index}]`))
  for (const operation of OPERATIONS) {
    checkRates(faults, operation, 'latency', ({ kind }) => kind === 'latency')
    checkRates(faults, operation, FAILING_KINDS.join(', '), isFailing)
  }
  return { seed, faults }
}

function readFault(value: unknown, place: string): FaultSetting {
  const common = ['kind', 'operations', 'rate', 'times'] as const
  const given = checkMembers(value, place, [...common, 'retryAfterMs', 'minMs', 'maxMs', 'database', 'container'])
  const kind = KINDS.find((one) => one === given.kind)
  if (kind === undefined) throw invalid(place, `"kind" must be one of ${KINDS.join(', ')}`)
  const { rate } = given
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) throw invalid(place, '"rate" must be 0 to 1')
  const times = optionalWholeNumber(given.times, 1, MAX_TIMES, place, 'times')
  const chance: Chance = {
    rate,
    ...(given.operations !== undefined && { operations: readOperations(given.operations, place, kind) }),
    ...(times !== undefined && { times }),
  }
  if (kind === 'latency') {
    checkMembers(value, place, [...common, 'minMs', 'maxMs'])
    const minMs = wholeNumber(given.minMs, 0, MAX_MS, place, 'minMs')
    return { kind, ...chance, minMs, maxMs: wholeNumber(given.maxMs, minMs, MAX_MS, place, 'maxMs') }
  }
  if (kind === 'lagging-replica') {
    checkMembers(value, place, [...common, 'database', 'container'])
    const database = optionalText(given.database, place, 'database')
    const container = optionalText(given.container, place, 'container')
    return {
      kind,
      ...chance,
      ...(database !== undefined && { database }),
      ...(container !== undefined && { container }),
    }
  }
  if (kind !== 'throttle') checkMembers(value, place, common)
  checkMembers(value, place, [...common, 'retryAfterMs'])
  const retryAfterMs = optionalWholeNumber(given.retryAfterMs, 0, MAX_MS, place, 'retryAfterMs')
  return { kind, ...chance, ...(retryAfterMs !== undefined && { retryAfterMs }) }
}

function optionalText(value: unknown, place: string, name: string): string | undefined {
  if (value !== undefined && (typeof value !== 'string' || value === ''))
    throw invalid(place, `"${name}" must be a text`)
  return value
}

function readOperations(value: unknown, place: string, kind: FaultSetting['kind']): readonly OperationName[] {
  const names = checkArray(value, place, 'operations')
  const known = listOperations(kind)
  return names.map((name) => {
    const operation = known.find((one) => one === name)
    if (operation === undefined)
      throw invalid(place, `"operations" has ${JSON.stringify(name)}, known are ${known.join(', ')}`)
    return operation
  })
}

/**
 * One draw decides which of them it is, so that each comes as often as its rate says. A sum of tenths may be
 * off by a little.
 */
function checkRates(
  faults: readonly FaultSetting[],
  operation: OperationName,
  names: string,
  counts: (fault: FaultSetting) => boolean,
): void {
  const rates = faults.filter((fault) => counts(fault) && appliesTo(fault, operation)).map(({ rate }) => rate)
  if (rates.reduce((sum, rate) => sum + rate, 0) > 1 + Number.EPSILON * rates.length)
    throw invalid('', `the rates of ${names} for ${operation} add up to more than 1`)
}

export function appliesTo({ operations, kind }: FaultSetting, operation: OperationName): boolean {
  return (operations ?? listOperations(kind)).includes(operation)
}

const listOperations = (kind: FaultSetting['kind']): readonly OperationName[] =>
  kind === 'lagging-replica' ? LAGGING_OPERATIONS : OPERATIONS

/** Whether it takes the place of a request's answer. */
export function isFailing(setting: FaultSetting): setting is FailingSetting {
  return setting.kind !== 'latency' && setting.kind !== 'lagging-replica'
}

/** Whether a fault that can be of some containers alone is of this one. */
export function matchesContainer(setting: FaultSetting, { id, database }: Container): boolean {
  if (setting.kind !== 'lagging-replica') return true
  return (setting.database ?? database.id) === database.id && (setting.container ?? id) === id
}
