/**
 * Whether two route templates match a common path. The Functions host sorts functions by name and takes the
 * first route that matches (https://github.com/Azure/azure-functions-host/issues/3153), so which of two such
 * routes answers would depend on their names.
 * @param one, other templates whose segments are text or `{parameter}`: `orders/{id}/state`.
 */
export function overlap(one: string, other: string): boolean {
  const [segments, others] = [one.split('/'), other.split('/')]
  return segments.length === others.length && segments.every((segment, index) => meet(segment, others[index] ?? ''))
}

function meet(one: string, other: string): boolean {
  return isParameter(one) || isParameter(other) || one.toLowerCase() === other.toLowerCase()
}

/** What a segment of a route may be: text, or a parameter that takes one whole segment. */
const segmentPattern = /^([A-Za-z0-9._~-]+|\{[A-Za-z_]\w*\})$/

/** The segments of a template that are neither; a catch-all, an optional parameter and a constraint are among them. */
export function unknownSegments(template: string): readonly string[] {
  return template.split('/').filter((segment) => !segmentPattern.test(segment))
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{')
}
