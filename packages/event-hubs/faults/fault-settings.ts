import { checkMembers, invalid, readRate, wholeNumber } from '../../kit/settings-check.ts'

/** Which faults are injected, and how often. A rate is a probability, 0 to 1. */
export interface FaultSettings {
  /** 32 bits. The same seed gives the same sequence of answers for each kind of fault. */
  readonly seed: number
  /** Rate of sends that are rejected as the service does when it throttles. */
  readonly serverBusy?: number
  /** Rate of sends whose connection is dropped with nothing stored. */
  readonly dropBeforeStore?: number
  /** Rate of sends that are stored, but whose connection is dropped instead of an acknowledgement. */
  readonly dropBeforeAck?: number
  readonly dropAfterAck?: number
  /** As `dropBeforeAck`, but the emulator closes only its half of the connection, in an orderly way. */
  readonly halfCloseBeforeAck?: number
  readonly halfCloseAfterAck?: number
  /** Rate of delivery turns on which the receiver's link is stolen. */
  readonly steal?: number
  /** Rate of delivery turns on which the receiver's connection is dropped. */
  readonly drop?: number
  /** Rate of receiver attaches after which `events` events before the start position are sent again. */
  readonly duplicates?: { readonly rate: number; readonly events: number }
  /** Delay of each acknowledgement and delivery turn, drawn between the two. */
  readonly latencyMs?: { readonly min: number; readonly max: number }
}

/** The faults of a send and of a delivery turn. Each suffers at most one. */
export const SEND_RATES = [
  'serverBusy',
  'dropBeforeStore',
  'dropBeforeAck',
  'dropAfterAck',
  'halfCloseBeforeAck',
  'halfCloseAfterAck',
] as const
export const DELIVERY_RATES = ['steal', 'drop'] as const

const KNOWN = ['seed', ...SEND_RATES, ...DELIVERY_RATES, 'duplicates', 'latencyMs'] as const
const MAX_SEED = 2 ** 32 - 1
const MAX_EVENTS = 1_000_000
const MAX_LATENCY_MS = 60_000

/** @throws InvalidSettings naming the member. */
export function readFaultSettings(value: unknown): FaultSettings {
  const given = checkMembers(value, '', KNOWN)
  return {
    seed: wholeNumber(given.seed, '', 'seed', { min: 0, max: MAX_SEED }),
    ...readRates(given, SEND_RATES),
    ...readRates(given, DELIVERY_RATES),
    ...(given.duplicates !== undefined && { duplicates: readDuplicates(given.duplicates) }),
    ...(given.latencyMs !== undefined && { latencyMs: readLatency(given.latencyMs) }),
  }
}

function readRates<Name extends string>(
  given: Readonly<Partial<Record<Name, unknown>>>,
  names: readonly Name[],
): Partial<Record<Name, number>> {
  const rates: Partial<Record<Name, number>> = {}
  let sum = 0
  for (const name of names) {
    if (given[name] === undefined) continue
    const rate = readRate(given[name], '', name)
    rates[name] = rate
    sum += rate
  }
  // One draw chooses among the faults, so the rates must not add up to more than 1. A sum of tenths may be
  // slightly off.
  if (sum > 1 + Number.EPSILON * names.length)
    throw invalid('', `the rates of ${names.join(', ')} add up to more than 1`)
  return rates
}

function readDuplicates(value: unknown): { rate: number; events: number } {
  const { rate, events } = checkMembers(value, 'duplicates', ['rate', 'events'])
  return {
    rate: readRate(rate, 'duplicates', 'rate'),
    events: wholeNumber(events, 'duplicates', 'events', { min: 1, max: MAX_EVENTS }),
  }
}

function readLatency(value: unknown): { min: number; max: number } {
  const given = checkMembers(value, 'latencyMs', ['min', 'max'])
  const min = wholeNumber(given.min, 'latencyMs', 'min', { min: 0, max: MAX_LATENCY_MS })
  return { min, max: wholeNumber(given.max, 'latencyMs', 'max', { min, max: MAX_LATENCY_MS }) }
}
