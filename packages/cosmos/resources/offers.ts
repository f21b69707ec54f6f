import { badRequest } from '../api/failure.ts'
import { isObject, type Json } from '../values/json.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits#provisioned-throughput
const MIN_THROUGHPUT = 400
const MIN_AUTOSCALE = 1000
const MAX_THROUGHPUT = 1_000_000

/**
 * The request units per second of a database or a container: fixed, or up to a maximum. Stored and shown, but
 * it limits nothing.
 */
export type Throughput = { readonly fixed: number } | { readonly maximum: number }

/** The throughput of a database or a container. https://learn.microsoft.com/rest/api/cosmos-db/offers */
export interface Offer {
  readonly number: number
  /** The rid of the database or the container. */
  readonly of: string
  /** Its path, of rids. */
  readonly resource: string
  readonly throughput: Throughput
  readonly ts: number
  readonly etag: string
}

/** For a container without a throughput of its own in a database without one. */
export const DEFAULT_THROUGHPUT: Throughput = { fixed: MIN_THROUGHPUT }

/**
 * Reads the throughput headers of a create.
 * @throws Failure 400
 */
export function readThroughputHeaders(headers: NodeJS.Dict<string>): Throughput | undefined {
  const { 'x-ms-offer-throughput': fixed, 'x-ms-cosmos-offer-autopilot-settings': autoscale } = headers
  if (fixed !== undefined && autoscale !== undefined) throw badRequest('a throughput is either fixed or autoscaled')
  if (fixed !== undefined) return { fixed: checkFixed(/^\d+$/.test(fixed) ? Number(fixed) : fixed) }
  if (autoscale === undefined) return undefined
  let settings: unknown
  try {
    settings = JSON.parse(autoscale)
  } catch {
    throw badRequest('x-ms-cosmos-offer-autopilot-settings is not JSON')
  }
  return readAutoscale(settings)
}

/** @throws Failure 400 for a body that is not an offer, or is the offer of another resource. */
export function readOfferThroughput(body: unknown, { of }: Offer): Throughput {
  const { content, offerResourceId } = isObject(body) ? body : {}
  if (!isObject(content)) throw badRequest('an offer needs a content object')
  if (offerResourceId !== of) throw badRequest('the resource of an offer cannot be changed')
  if (isObject(content.offerAutopilotSettings)) return readAutoscale(content.offerAutopilotSettings)
  return { fixed: checkFixed(content.offerThroughput) }
}

function readAutoscale(settings: unknown): Throughput {
  const maximum = isObject(settings) ? (settings.maxThroughput ?? settings.autoscaleMaxThroughput) : undefined
  if (!isWholeNumber(maximum) || maximum < MIN_AUTOSCALE || maximum > MAX_THROUGHPUT || maximum % 1000 !== 0)
    throw badRequest(`an autoscaled throughput must be ${MIN_AUTOSCALE} to ${MAX_THROUGHPUT}, in steps of 1000`)
  return { maximum }
}

function checkFixed(value: unknown): number {
  if (!isWholeNumber(value) || value < MIN_THROUGHPUT || value > MAX_THROUGHPUT || value % 100 !== 0)
    throw badRequest(
      `a throughput must be ${MIN_THROUGHPUT} to ${MAX_THROUGHPUT} request units a second, in steps of 100`,
    )
  return value
}

const isWholeNumber = (value: unknown): value is number => Number.isInteger(value)

/** The headers that the .NET SDK reads beside an offer: the minimum, and that no change is pending. */
export function offerHeaders({ throughput }: Offer): Readonly<Record<string, string | number>> {
  return {
    'x-ms-cosmos-min-throughput': 'fixed' in throughput ? MIN_THROUGHPUT : MIN_AUTOSCALE,
    'x-ms-offer-replace-pending': 'false',
  }
}

export function showOffer(offer: Offer, rid: string): Json {
  const { of, resource, throughput, ts, etag } = offer
  return {
    id: rid,
    _rid: rid,
    _self: `offers/${rid}/`,
    _etag: etag,
    _ts: ts,
    resource,
    offerResourceId: of,
    offerType: 'Invalid',
    offerVersion: 'V2',
    content:
      'fixed' in throughput
        ? { offerThroughput: throughput.fixed, offerIsRUPerMinuteThroughputEnabled: false }
        : {
            offerThroughput: throughput.maximum / 10,
            offerIsRUPerMinuteThroughputEnabled: false,
            offerAutopilotSettings: { maxThroughput: throughput.maximum },
          },
  }
}
