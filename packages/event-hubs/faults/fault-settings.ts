import { checkMembers, invalid, wholeNumber } from '../../kit/settings-check.ts'

/** Which faults are done, and how often: rates are of the chances there are, 0 to 1. */
export interface FaultSettings {
  /** 32 bits: the same seed gives the same sequence of answers to each question. */
  readonly seed: number
  /** Of the sends: rejected as the service does when it throttles. */
  readonly serverBusy?: number
  /** Of the sends: the connection is dropped, and nothing is stored. */
  readonly dropBeforeStore?: number
  /** Of the sends: stored, and the connection is dropped instead of an acknowledgement. */
  readonly dropBeforeAck?: number
  readonly dropAfterAck?: number
  /** Of the sends: as the drops, but the endpoint's half of the connection is closed in order. */
  readonly halfCloseBeforeAck?: number
  readonly halfCloseAfterAck?: number
  /** Of the turns of deliveries to a receiver: its link is stolen. */
  readonly steal?: number
  /** Of the turns of deliveries to a receiver: its connection is dropped. */
  readonly drop?: number
  /** Of the attaches of receivers: so many events before its position are sent again. */
  readonly duplicates?: { readonly rate: number; readonly events: number }
  /** By which acknowledgements and turns of deliveries are held back, anything between the two. */
  readonly latencyMs?: { readonly min: number; readonly max: number }
}

/** What may befall a send, and a turn of deliveries; one of them at a time. */
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
    seed: wholeNumber(given.seed, 0, MAX_SEED, '', 'seed'),
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
  // One draw decides which of them it is, so that each comes as often as its rate says. A sum of tenths may
  // be off by a little.
  if (sum > 1 + Number.EPSILON * names.length)
    throw invalid('', `the rates of ${names.join(', ')} add up to more than 1`)
  return rates
}

function readRate(value: unknown, place: string, name: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw invalid(place, `"${name}" must be 0 to 1`)
  return value
}

function readDuplicates(value: unknown): { rate: number; events: number } {
  const { rate, events } = checkMembers(value, 'duplicates', ['rate', 'events'])
  return {
    rate: readRate(rate, 'duplicates', 'rate'),
    events: wholeNumber(events, 1, MAX_EVENTS, 'duplicates', 'events'),
  }
}

function readLatency(value: unknown): { min: number; max: number } {
  const given = checkMembers(value, 'latencyMs', ['min', 'max'])
  const min = wholeNumber(given.min, 0, MAX_LATENCY_MS, 'latencyMs', 'min')
  return { min, max: wholeNumber(given.max, min, MAX_LATENCY_MS, 'latencyMs', 'max') }
}
