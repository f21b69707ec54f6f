import { rewriteDate } from './json-net/date.ts'
import { JsonNetRefusal } from './json-net/refusal.ts'
import { rewriteJson } from './json-net/rewrite.ts'
import type { TypedData } from './protocol.ts'

/**
 * Returns the metadata that the host adds for one message bound as text: the fields of its JSON object. They
 * replace metadata of the same name.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Utility.cs (ApplyBindingData)
 */
export function messageFields(text: string): Readonly<Record<string, TypedData>> {
  if (!/^\s*\{.*\}\s*$/s.test(text)) return {}
  let message: Readonly<Record<string, unknown>>
  try {
    message = JSON.parse(rewriteJson(text))
  } catch (error) {
    // Json.NET cannot read the object, or JavaScript cannot read what Json.NET wrote: add nothing.
    if (error instanceof JsonNetRefusal || error instanceof SyntaxError) return {}
    throw error
  }
  return Object.fromEntries(
    Object.entries(message).flatMap(([name, value]) =>
      value === null || Array.isArray(value) ? [] : [[name, toTypedData(value)]],
    ),
  )
}

/** An object stays an object. Any other value becomes .NET's text for it. */
function toTypedData(value: unknown): TypedData {
  if (typeof value === 'object') return { json: JSON.stringify(value) }
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' }
  const text = String(value)
  const date = typeof value === 'string' ? rewriteDate(text) : undefined
  return { string: date === undefined ? text : invariantDate(date) }
}

/** Formats as `11/28/2026 10:20:30`. Fractions of a second and the zone are lost, as in .NET. */
function invariantDate(date: string): string {
  const [year, month, day, time] = date.split(/[-T.Z+]/)
  return `${month}/${day}/${year} ${time}`
}
