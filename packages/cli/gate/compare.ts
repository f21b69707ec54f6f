import type { ReadOn } from '../schemas/samples.ts'
import type { SchemaFiles } from '../schemas/schema-files.ts'
import { compareAsyncApi } from './compare-asyncapi.ts'
import { compareEvents } from './compare-events.ts'
import { compareOpenApi } from './compare-openapi.ts'
import { compareSamples } from './compare-samples.ts'
import { parseDocuments } from './documents.ts'
import { joinReports, type Report } from './report.ts'

/** Compares a whole `schemas/` with one that was released. */
export function compareSchemas(released: SchemaFiles, now: SchemaFiles, readOn: ReadOn): Report {
  const [before, after] = [parseDocuments(released), parseDocuments(now)]
  return joinReports([
    compareEvents(before, after),
    compareSamples(before, after, readOn),
    compareAsyncApi(before, after),
    compareOpenApi(before, after),
  ])
}
