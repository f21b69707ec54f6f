import { keyFault } from '../core/document-key.ts'
import { TidemarkError } from '../core/errors.ts'
import { buildJsonSchema, type JsonSchema } from '../core/json-schema.ts'
import type { ViewDocument } from '../core/ports.ts'
import { formatStream, idPattern, type Position } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import type { Endpoint } from './http.ts'
import { ETAG, limitParameter, object, type Parameter, positionParameter, queryNames } from './operation.ts'
import { checkParameters, readLimit, readPosition } from './request.ts'

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

/**
 * `GET …/{parameter}`: one document; the path names the aggregate of a one-stream view, the key of a
 * many-stream view.
 */
export function getDocument(port: QueryPort, view: AnyView, parameter: string): Endpoint {
  const ofStream = view.kind === 'one-stream'
  const parameters: readonly Parameter[] = [
    {
      name: parameter,
      in: 'path',
      description: ofStream ? `Of the ${view.category}.` : 'The key of the document.',
      schema: { type: 'string', ...(ofStream ? { pattern: idPattern.source } : {}) },
    },
    positionParameter,
  ]
  const queryParameters = queryNames(parameters)
  return {
    uses: { view },
    describe: () => [
      {
        summary: `one of ${view.name}`,
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

/** `GET …?<filter>=&limit=&continuation=`: a page of documents, by the view's sort key, descending. */
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
          description: `Documents of the view ${view.name}, by its sort key, descending; those that share one by their keys.`,
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
      const continuation = request.query.get('continuation')
      const query = { filter, limit: readLimit(request), ...(continuation === null ? {} : { continuation }) }
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
    'Goes on where a page ended, with what that page answered; absent there, it was the last. Whatever is written meanwhile, a document that was there throughout comes once, unless its sort key changes.',
  schema: { type: 'string' },
}

function filterParameters(view: AnyView): Parameter[] {
  return Object.entries(view.filters).map(([name, values]) => ({
    name,
    in: 'query',
    description: `Documents with this ${name} alone.`,
    schema: { type: 'string', enum: [...values] },
  }))
}

/** A view that does not say what its documents are like has any. */
function documentSchema(view: AnyView): JsonSchema {
  return view.document ? buildJsonSchema(view.document, `the documents of ${view.name}`) : {}
}
