import { TidemarkError } from '../../core/errors.ts'
import type { ViewDocument } from '../../core/ports.ts'
import { type Position, streamOf } from '../../core/stream.ts'
import type { AnyView } from '../../core/view.ts'
import type { Handler } from './http.ts'
import { checkParameters, limitOf, positionOf } from './request.ts'

/** What a query function needs of its service. */
export interface QueryPort {
  document(view: AnyView, key: string, position?: Position): Promise<ViewDocument | undefined>
  documents(
    view: AnyView,
    query: {
      readonly filter: Readonly<Record<string, string>>
      readonly limit: number
      readonly continuation?: string
    },
    position?: Position,
  ): Promise<{ readonly documents: readonly unknown[]; readonly continuation?: string }>
}

/** No document has a longer key: with what stands before it, it must fit Cosmos DB's partition key of 2,048 bytes. Bytes. */
const MAX_KEY_BYTES = 1024

/** `GET …/{parameter}`: one document; the path names the aggregate of a one-stream view, the key of a many-stream view. */
export function documentOf(port: QueryPort, view: AnyView, parameter: string): Handler {
  return async (request) => {
    checkParameters(request, ['position'])
    const name = request.params[parameter] ?? ''
    const key = view.kind === 'one-stream' ? streamOf(view.category, name) : name
    const position = positionOf(request)
    const found = Buffer.byteLength(key) > MAX_KEY_BYTES ? undefined : await port.document(view, key, position)
    if (found?.document === undefined)
      throw new TidemarkError('document-not-found', `${view.name} has no such document`)
    return { headers: found.tip ? { etag: `"${found.tip.version}"` } : {}, jsonBody: found.document }
  }
}

/** `GET …?<filter>=&limit=&continuation=`: a page of documents, newest first. */
export function documentsOf(port: QueryPort, view: AnyView): Handler {
  return async (request) => {
    const filters = Object.keys(view.filters)
    checkParameters(request, [...filters, 'limit', 'continuation', 'position'])
    const filter = Object.fromEntries(
      filters.flatMap((field) => request.query.getAll(field).map((value) => [field, value])),
    )
    const continuation = request.query.get('continuation')
    const query = { filter, limit: limitOf(request), ...(continuation === null ? {} : { continuation }) }
    const page = await port.documents(view, query, positionOf(request))
    return { jsonBody: { items: page.documents, ...(page.continuation ? { continuation: page.continuation } : {}) } }
  }
}
