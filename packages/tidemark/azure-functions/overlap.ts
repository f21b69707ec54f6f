/**
 * Whether two route templates match a common path. The Functions host sorts functions by name and takes the
 * first matching route (https://github.com/Azure/azure-functions-host/issues/3153). So for two such routes
 * the function names would decide.
 * @param one, other templates whose segments are text or `{parameter}`: `orders/{id}/state`.
 */
export function overlap(one: string, other: string): boolean {
  const [segments, others] = [one.split('/'), other.split('/')]
  return segments.length === others.length && segments.every((segment, index) => meet(segment, others[index] ?? ''))
}

function meet(one: string, other: string): boolean {
  return isParameter(one) || isParameter(other) || one.toLowerCase() === other.toLowerCase()
}

/** A valid segment of a route: text, or a parameter that takes one whole segment. */
const segmentPattern = /^([A-Za-z0-9._~-]+|\{[A-Za-z_]\w*\})$/

/** The invalid segments of a template, such as a catch-all, an optional parameter or a constraint. */
export function unknownSegments(template: string): readonly string[] {
  return template.split('/').filter((segment) => !segmentPattern.test(segment))
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{')
}
