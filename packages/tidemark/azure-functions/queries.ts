import type { DataPath } from '../core/data-path.ts'
import { keyFault } from '../core/document-key.ts'
import { TidemarkError } from '../core/errors.ts'
import { buildJsonSchema, type JsonSchema } from '../core/json-schema.ts'
import { formatStream, idPattern } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import type { Endpoint } from './http.ts'
import { ETAG, limitParameter, object, type Parameter, positionParameter, queryNames } from './operation.ts'
import { checkParameters, pickParameters, readLimit, readPosition } from './request.ts'

/** What the query endpoints need of their service. */
export type QueryPort = Pick<DataPath, 'document' | 'documents'>

/**
 * `GET …/{parameter}`: one document. The path has the aggregate's id in a single-stream view, and the
 * document's key in a multi-stream view.
 */
export function getDocument(port: QueryPort, view: AnyView, parameter: string): Endpoint {
  const ofStream = view.kind === 'one-stream'
  const parameters: readonly Parameter[] = [
    {
      name: parameter,
      in: 'path',
      description: ofStream ? `The id of the ${view.category}.` : 'The key of the document.',
      schema: { type: 'string', ...(ofStream ? { pattern: idPattern.source } : {}) },
    },
    positionParameter,
  ]
  const queryParameters = queryNames(parameters)
  return {
    uses: { view },
    describe: () => [
      {
        summary: `a document of ${view.name}`,
        parameters,
        answer: {
          status: 200,
          description: `A document of the view ${view.name}.`,
          headers: ofStream ? ETAG : {},
          schema: documentSchema(view),
        },
        problems: [...problems, ...(ofStream ? (['invalid-id'] as const) : []), 'document-not-found'],
      },
    ],
    async handle(request) {
      checkParameters(request, queryParameters)
      const name = request.params[parameter] ?? ''
      const key = view.kind === 'one-stream' ? formatStream(view.category, name) : name
      const position = readPosition(request)
      const found = keyFault(key) !== undefined ? undefined : await port.document(view, key, position)
      if (found?.document === undefined)
        throw new TidemarkError('document-not-found', `${view.name} has no such document`)
      return { headers: found.cursor ? { etag: `"${found.cursor.version}"` } : {}, jsonBody: found.document }
    },
  }
}

/**
 * `GET …?<filter>=&limit=&continuation=`: a page of documents, ordered by the view's sort key, descending.
 */
export function listDocuments(port: QueryPort, view: AnyView): Endpoint {
  const filters = Object.keys(view.filters)
  const parameters = [...filterParameters(view), limitParameter, continuationParameter, positionParameter]
  const queryParameters = queryNames(parameters)
  return {
    uses: { view },
    describe: () => [
      {
        summary: `a page of ${view.name}`,
        parameters,
        answer: {
          status: 200,
          description: `Documents of the view ${view.name}, descending by sort key, then by key.`,
          headers: {},
          schema: object({ items: { type: 'array', items: documentSchema(view) }, continuation: { type: 'string' } }, [
            'continuation',
          ]),
        },
        problems,
      },
    ],
    async handle(request) {
      checkParameters(request, queryParameters)
      const filter = Object.fromEntries(
        filters.flatMap((field) => request.query.getAll(field).map((value) => [field, value])),
      )
      const query = { filter, limit: readLimit(request), ...pickParameters(request.query, 'continuation') }
      const page = await port.documents(view, query, readPosition(request))
      return { jsonBody: { items: page.documents, ...(page.continuation ? { continuation: page.continuation } : {}) } }
    },
  }
}

const problems = ['invalid-query', 'invalid-position', 'unavailable', 'view-behind'] as const

const continuationParameter: Parameter = {
  name: 'continuation',
  in: 'query',
  description:
    'The continuation of the previous page; the last page has none. A document that exists throughout appears ' +
    'exactly once, unless its sort key changes meanwhile.',
  schema: { type: 'string' },
}

function filterParameters(view: AnyView): Parameter[] {
  return Object.entries(view.filters).map(([name, values]) => ({
    name,
    in: 'query',
    description: `Only documents with this ${name}.`,
    schema: { type: 'string', enum: [...values] },
  }))
}

/** A view without a document schema allows any document. */
function documentSchema(view: AnyView): JsonSchema {
  return view.document ? buildJsonSchema(view.document, `the documents of ${view.name}`) : {}
}
