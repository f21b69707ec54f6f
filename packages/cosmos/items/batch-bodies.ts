import { formatCharge } from '../api/charges.ts'
import { badRequest } from '../api/failure.ts'
import type { Answer } from '../http/answers.ts'
import { parseJson } from '../http/requests.ts'
import { decodeBatch } from '../hybridrow/batch-operations.ts'
import { encodeBatch } from '../hybridrow/batch-results.ts'
import { isObject } from '../values/json.ts'
import { type BatchOperation, type BatchResult, returnsItem, TYPES } from './batch-operations.ts'

// Batches and results are JSON, or HybridRow for the .NET SDK.

/**
 * @param minimal whether the client wants no written items back. The .NET SDK says so for each operation.
 * @throws Failure 400
 */
export function readOperations(body: unknown, minimal: boolean): readonly BatchOperation[] {
  if (Buffer.isBuffer(body))
    return decodeBatch(body).map((operation) => ({
      ...operation,
      body: operation.body && parseJson(operation.body),
      minimal: minimal || operation.minimalReturn,
    }))
  if (!Array.isArray(body)) throw badRequest('a batch must be an array of operations')
  return body.map((operation) => ({ ...readOperation(operation), minimal }))
}

/** Formats the results as the request's body was: JSON or HybridRow. */
export function formatResults(results: readonly BatchResult[], request: unknown): Pick<Answer, 'text' | 'bytes'> {
  if (!Buffer.isBuffer(request)) return { text: `[${results.map(formatResult).join(',')}]` }
  const rows = results.map((result) => {
    const { status, substatus, item, charge } = result
    return {
      status,
      charge,
      ...(substatus === undefined ? {} : { substatus }),
      ...(item ? { etag: item.etag } : {}),
      ...(item && returnsItem(result) ? { body: item.json } : {}),
    }
  })
  return { bytes: encodeBatch(rows) }
}

function readOperation(operation: unknown): BatchOperation {
  if (!isObject(operation)) throw badRequest('an operation of a batch must be an object')
  const { operationType, partitionKey, id, resourceBody, ifMatch, ifNoneMatch } = operation
  const type = TYPES.find((candidate) => candidate === operationType)
  if (!type) throw badRequest(`a batch cannot have the operation ${JSON.stringify(operationType)}`)
  return {
    type,
    partitionKey: optionalText('partitionKey', partitionKey),
    id: optionalText('id', id),
    body: resourceBody,
    ifMatch: optionalText('ifMatch', ifMatch),
    ifNoneMatch: optionalText('ifNoneMatch', ifNoneMatch),
  }
}

function optionalText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw badRequest(`the ${name} of an operation must be a text`)
  return value
}

/** Built as text, because the item's JSON is there already. */
function formatResult(result: BatchResult): string {
  const { status, substatus, item, charge, message } = result
  const rest = [
    ...(substatus === undefined ? [] : [`"subStatusCode":${substatus}`]),
    ...(message === undefined ? [] : [`"message":${JSON.stringify(message)}`]),
    ...(item ? [`"eTag":${JSON.stringify(item.etag)}`] : []),
    ...(item && returnsItem(result) ? [`"resourceBody":${item.json}`] : []),
  ]
  return `{"statusCode":${[status, `"requestCharge":${formatCharge(charge)}`, ...rest].join(',')}}`
}
