import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { Tip } from '../../core/hash-chain.ts'
import type { HistoryRange } from '../../core/ports.ts'
import type { Handler } from './http.ts'
import { checkParameters, limitOf, wholeNumberOf } from './request.ts'

/** What the functions that look back need of their service. */
export interface HistoryPort {
  history(
    stream: string,
    range: HistoryRange,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly continuation?: number }>
  stateAt(
    stream: string,
    point: { readonly version?: number; readonly at?: string },
  ): Promise<{ readonly state: unknown; readonly tip: Tip; readonly time: string }>
}

/** `GET …/{stream}/events?direction=&after=&limit=`: a page of a stream's events, as the log keeps them. */
export function eventsOf(port: HistoryPort): Handler {
  return async (request) => {
    checkParameters(request, ['direction', 'after', 'limit'])
    const { stream = '' } = request.params
    const direction = request.query.get('direction') ?? 'forward'
    if (direction !== 'forward' && direction !== 'backward')
      throw new TidemarkError('invalid-query', 'direction is forward or backward')
    const after = wholeNumberOf(request, 'after', 0, Number.MAX_SAFE_INTEGER)
    const limit = limitOf(request)
    const page = await port.history(stream, { direction, limit, ...(after === undefined ? {} : { after }) })
    const { events: items, continuation } = page
    return { jsonBody: { stream, direction, items, ...(continuation === undefined ? {} : { continuation }) } }
  }
}

/** `GET …/{stream}/state?version=` or `?at=`: what the stream's events had led to. */
export function stateOf(port: HistoryPort): Handler {
  return async (request) => {
    checkParameters(request, ['version', 'at'])
    const { stream = '' } = request.params
    const version = wholeNumberOf(request, 'version', 1, Number.MAX_SAFE_INTEGER)
    const at = request.query.get('at')
    if (version !== undefined && at !== null)
      throw new TidemarkError('invalid-query', 'a state is of a version or at a moment, not both')
    const point = { ...(version === undefined ? {} : { version }), ...(at === null ? {} : { at }) }
    const { state, tip, time } = await port.stateAt(stream, point)
    return {
      headers: { etag: `"${tip.version}"` },
      jsonBody: { stream, version: tip.version, time, hash: tip.hash, state },
    }
  }
}
