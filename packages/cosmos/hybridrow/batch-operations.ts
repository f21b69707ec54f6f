import { badRequest } from '../api/failure.ts'
import type { Reader } from './reader.ts'
import { readHeader, readRecords } from './records.ts'

/** An operation of a transactional batch or of a bulk request. */
export interface BatchOperation {
  readonly type: OperationType
  /** The JSON array of its components. */
  readonly partitionKey?: string
  /** Upper case hex. */
  readonly epk?: string
  readonly id?: string
  /** The JSON text of an item or of a patch. */
  readonly body?: Buffer
  readonly ifMatch?: string
  readonly ifNoneMatch?: string
  /** Whether to leave the item out of the result. */
  readonly minimalReturn?: boolean
}

// The layout: azure-cosmos-dotnet-v3, Batch/HybridRowBatchSchemas.json. Numbers of operations and resources:
// Microsoft.Azure.Documents.
const SCHEMA = 0x7fe15470
const DOCUMENT = 2
const OPERATIONS = { 0: 'Create', 1: 'Patch', 2: 'Read', 4: 'Delete', 5: 'Replace', 20: 'Upsert' } as const

type OperationType = (typeof OPERATIONS)[keyof typeof OPERATIONS]

/** The columns that a row has, one bit each. */
const HAS = {
  operationType: 0x01,
  resourceType: 0x02,
  partitionKey: 0x04,
  epk: 0x08,
  id: 0x10,
  binaryId: 0x20,
  body: 0x40,
}
const UNKNOWN = 0x80

/** The other fields by their number. A field is written as its type, its number and its value. */
const FIELD = { indexingDirective: 8, ifMatch: 9, ifNoneMatch: 10, minimalReturn: 12 }
const TEXT = 0x14
const TRUE = 0x03
const FALSE = 0x02

/**
 * Reads a transactional batch or a bulk request of the .NET SDK. The emulator ignores how an item is to be
 * indexed (`indexingDirective`).
 * @throws Failure 400 for anything else: no unknown field is skipped.
 */
export function decodeBatch(body: Buffer): readonly BatchOperation[] {
  return readRecords(body).map(readOperation)
}

function readOperation(row: Reader): BatchOperation {
  const schema = readHeader(row)
  if (schema !== SCHEMA) throw badRequest(`the HybridRow has an operation of the schema ${schema}`)
  const mask = row.uint8()
  if (mask & UNKNOWN) throw badRequest('the HybridRow has an operation with a column that is not in its schema')
  const [operation, resource] = [row.int32(), row.int32()]
  if ((mask & HAS.operationType) === 0 || !isOperation(operation))
    throw badRequest(`a batch cannot have the operation ${operation}`)
  if ((mask & HAS.resourceType) === 0 || resource !== DOCUMENT)
    throw badRequest('a batch can only have operations on items')
  const partitionKey = mask & HAS.partitionKey ? { partitionKey: row.text() } : {}
  const epk = mask & HAS.epk ? { epk: row.binary().toString('hex').toUpperCase() } : {}
  const id = mask & HAS.id ? { id: row.text() } : {}
  if (mask & HAS.binaryId) throw badRequest('binary ids are not supported by the emulator')
  const body = mask & HAS.body ? { body: row.binary() } : {}
  return { type: OPERATIONS[operation], ...partitionKey, ...epk, ...id, ...body, ...readFields(row) }
}

type Fields = Pick<BatchOperation, 'ifMatch' | 'ifNoneMatch' | 'minimalReturn'>

function readFields(row: Reader): Fields {
  let fields: Fields = {}
  while (!row.done) {
    const [type, name] = [row.uint8(), row.varint()]
    if (type === TEXT && name === FIELD.indexingDirective) row.text()
    else if (type === TEXT && name === FIELD.ifMatch) fields = { ...fields, ifMatch: row.text() }
    else if (type === TEXT && name === FIELD.ifNoneMatch) fields = { ...fields, ifNoneMatch: row.text() }
    else if ((type === TRUE || type === FALSE) && name === FIELD.minimalReturn)
      fields = { ...fields, minimalReturn: type === TRUE }
    else throw badRequest(`the field ${name} of type ${type} of an operation is not supported by the emulator`)
  }
  return fields
}

function isOperation(number: number): number is keyof typeof OPERATIONS {
  return Object.hasOwn(OPERATIONS, number)
}
