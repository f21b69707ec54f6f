import { rewriteDate } from './json-net/date.ts'
import { JsonNetRefusal } from './json-net/refusal.ts'
import { rewriteJson } from './json-net/rewrite.ts'
import type { TypedData } from './protocol.ts'

/**
 * What the host adds to the metadata of one message that is bound as text: the fields of its object, which
 * take the place of metadata of the same name.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Utility.cs (ApplyBindingData)
 */
export function messageFields(text: string): Readonly<Record<string, TypedData>> {
  if (!/^\s*\{.*\}\s*$/s.test(text)) return {}
  let message: Readonly<Record<string, unknown>>
  try {
    message = JSON.parse(rewriteJson(text))
  } catch (error) {
    // Json.NET reads no object there, or one that JavaScript cannot read: nothing is added.
    if (error instanceof JsonNetRefusal || error instanceof SyntaxError) return {}
    throw error
  }
  return Object.fromEntries(
    Object.entries(message).flatMap(([name, value]) =>
      value === null || Array.isArray(value) ? [] : [[name, toTypedData(value)]],
    ),
  )
}

/** An object stays one; all else becomes the text that .NET makes of it. */
function toTypedData(value: unknown): TypedData {
  if (typeof value === 'object') return { json: JSON.stringify(value) }
  if (typeof value === 'boolean') return { string: value ? 'True' : 'False' }
  const text = String(value)
  const date = typeof value === 'string' ? rewriteDate(text) : undefined
  return { string: date === undefined ? text : invariantDate(date) }
}

/** `11/28/2026 10:20:30`: what falls below a second, and the zone, are lost. */
function invariantDate(date: string): string {
  const [year, month, day, time] = date.split(/[-T.Z+]/)
  return `${month}/${day}/${year} ${time}`
}
