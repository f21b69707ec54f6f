import {
  checkArray,
  checkMembers,
  invalid,
  optionalWholeNumber,
  readRate,
  wholeNumber,
} from '../../kit/settings-check.ts'
import { OPERATIONS, type OperationName } from '../api/operations.ts'
import type { Container } from '../resources/catalog.ts'

/** Faults that replace a request's answer. A request gets at most one of them. */
export const FAILING_KINDS = [
  'throttle',
  'retry-with',
  'unavailable',
  'gone',
  'drop-before-commit',
  'drop-after-commit',
] as const
const KINDS = [...FAILING_KINDS, 'latency', 'lagging-replica'] as const
/** The operations that a lagging replica may answer. */
const LAGGING_OPERATIONS = ['read-item', 'list-items', 'query-items'] as const

export type FailingKind = (typeof FAILING_KINDS)[number]

interface Chance {
  /** The share of each operation's requests that get the fault, 0 to 1. */
  readonly rate: number
  /** Default: all operations that can have the fault. */
  readonly operations?: readonly OperationName[]
  /** The fault ends after this many requests. */
  readonly times?: number
}

export type FaultSetting = Chance &
  (
    | {
        readonly kind: FailingKind
        /** Milliseconds. Only for `throttle`. */
        readonly retryAfterMs?: number
      }
    | {
        readonly kind: 'latency'
        /** Delays the request by a time between the two before it runs. */
        readonly minMs: number
        readonly maxMs: number
      }
    | {
        /** Answers reads with the data of the moment at which the faults were set. */
        readonly kind: 'lagging-replica'
        /** The ids of the database and the container that have the fault. Default: all. */
        readonly database?: string
        readonly container?: string
      }
  )

type FailingSetting = Extract<FaultSetting, { readonly kind: FailingKind }>

export interface FaultSettings {
  /** 32 bits. The same seed gives each operation the same sequence of answers. */
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
  const seed = wholeNumber(given.seed, '', 'seed', { min: 0, max: MAX_SEED })
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
  const rate = readRate(given.rate, place, 'rate')
  const times = optionalWholeNumber(given.times, place, 'times', { min: 1, max: MAX_TIMES })
  const chance: Chance = {
    rate,
    ...(given.operations !== undefined && { operations: readOperations(given.operations, place, kind) }),
    ...(times !== undefined && { times }),
  }
  if (kind === 'latency') {
    checkMembers(value, place, [...common, 'minMs', 'maxMs'])
    const minMs = wholeNumber(given.minMs, place, 'minMs', { min: 0, max: MAX_MS })
    return { kind, ...chance, minMs, maxMs: wholeNumber(given.maxMs, place, 'maxMs', { min: minMs, max: MAX_MS }) }
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
  const retryAfterMs = optionalWholeNumber(given.retryAfterMs, place, 'retryAfterMs', { min: 0, max: MAX_MS })
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
 * Checks the sum of the rates, as one draw chooses among these faults. A sum of tenths may be off by a
 * little.
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

/** Whether the fault replaces a request's answer. */
export function isFailing(setting: FaultSetting): setting is FailingSetting {
  return setting.kind !== 'latency' && setting.kind !== 'lagging-replica'
}

/** Whether a fault applies to a container. Only `lagging-replica` can be limited to some. */
export function matchesContainer(setting: FaultSetting, { id, database }: Container): boolean {
  if (setting.kind !== 'lagging-replica') return true
  return (setting.database ?? database.id) === database.id && (setting.container ?? id) === id
}
