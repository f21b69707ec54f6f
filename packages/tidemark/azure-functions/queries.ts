import type { DataPath } from '../core/data-path.ts'
import { keyFault } from '../core/document-key.ts'
import { TidemarkError } from '../core/errors.ts'
import { buildJsonSchema, type JsonSchema } from '../core/json-schema.ts'
import type { FieldValues } from '../core/list.ts'
import { formatStream, idPattern } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import type { Endpoint } from './http.ts'
import { ETAG, limitParameter, object, type Parameter, positionParameter, queryNames } from './operation.ts'
import { checkParameters, pickParameters, readLimit, readPositions } from './request.ts'

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
      const positions = readPositions(request)
      const found = keyFault(key) !== undefined ? undefined : await port.document(view, key, positions)
      if (found?.document === undefined)
        throw new TidemarkError('document-not-found', `${view.name} has no such document`)
      return { headers: found.cursor ? { etag: `"${found.cursor.version}"` } : {}, jsonBody: found.document }
    },
  }
}

/**
 * `GET …?<filter>=&order=&direction=&from=&to=&limit=&continuation=`: a page of documents, in one of the view's
 * orders.
 */
export function listDocuments(port: QueryPort, view: AnyView): Endpoint {
  const filters = Object.keys(view.filters)
  const parameters = [
    ...filterParameters([view]),
    ...orderParameters(view),
    ...[limitParameter, continuationParameter, positionParameter],
  ]
  const queryParameters = queryNames(parameters)
  return {
    uses: { view },
    describe: () => [
      {
        summary: `a page of ${view.name}`,
        parameters,
        answer: {
          status: 200,
          description: `Documents of the view ${view.name}, by the field in order or by sort key, then by key.`,
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
      const direction = readDirection(request.query.get('direction'))
      const query = {
        ...{ filter, limit: readLimit(request) },
        ...(direction === undefined ? {} : { direction }),
        ...pickParameters(request.query, 'order', 'from', 'to', 'continuation'),
      }
      const page = await port.documents(view, query, readPositions(request))
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
    'exactly once, unless the value that it is ordered by changes meanwhile.',
  schema: { type: 'string' },
}

/** The parameters for the filters of views. Views may offer different values for one filter. */
export function filterParameters(views: readonly Pick<AnyView, 'filters'>[]): Parameter[] {
  const names = new Set(views.flatMap(({ filters }) => Object.keys(filters)))
  return [...names].map((name) => {
    const declared = views.flatMap(({ filters }) => (filters[name] === undefined ? [] : [filters[name]]))
    return { name, in: 'query', description: `Only documents with this ${name}.`, schema: valuesSchema(declared) }
  })
}

/** @param declared the values of a filter, in each view that has it. */
function valuesSchema(declared: readonly FieldValues[]): JsonSchema {
  const texts = declared.filter((values) => typeof values !== 'string').flat()
  const types = new Set(declared.filter((values) => typeof values === 'string'))
  const [type, ...others] = types
  if (type === undefined) return { type: 'string', enum: [...new Set(texts)] }
  return texts.length === 0 && others.length === 0 ? { type } : { type: 'string' }
}

const DIRECTIONS = ['ascending', 'descending'] as const

function orderParameters({ orders = {} }: AnyView): readonly Parameter[] {
  const direction: Parameter = {
    name: 'direction',
    in: 'query',
    description: 'The direction of the order.',
    schema: { type: 'string', enum: [...DIRECTIONS], default: 'descending' },
  }
  const fields = Object.keys(orders)
  if (fields.length === 0) return [direction]
  const range = (name: 'from' | 'to', description: string): Parameter => {
    return { name, in: 'query', description, schema: { type: 'string' } }
  }
  return [
    {
      name: 'order',
      in: 'query',
      description: 'The field that the documents are ordered by. Documents without it are not in the list.',
      schema: { type: 'string', enum: fields },
    },
    direction,
    range('from', 'The least value of the field in order.'),
    range('to', 'All values of the field in order are less.'),
  ]
}

/** @throws TidemarkError `invalid-query` */
function readDirection(text: string | null): 'ascending' | 'descending' | undefined {
  if (text === null) return undefined
  const direction = DIRECTIONS.find((each) => each === text)
  if (direction) return direction
  throw new TidemarkError('invalid-query', `direction must be one of ${DIRECTIONS.join(', ')}`)
}

/** A view without a document schema allows any document. */
function documentSchema(view: AnyView): JsonSchema {
  return view.document ? buildJsonSchema(view.document, `the documents of ${view.name}`) : {}
}
