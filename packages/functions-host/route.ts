import { StartError } from '../kit/errors.ts'

// The parts of ASP.NET Core's route templates that function routes use:
// https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-templates

type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'parameter'
      readonly name: string
      readonly constraints: readonly Constraint[]
      readonly optional: boolean
      readonly catchAll: boolean
    }

interface Constraint {
  /** The constraint as written, to compare templates. */
  readonly text: string
  readonly test: (value: string) => boolean
}

export interface Route {
  readonly template: string
  readonly segments: readonly Segment[]
  /** Equal for templates that match the same paths. */
  readonly shape: string
}

/** @throws StartError naming the function, for an unsupported template. */
export function parseRoute(template: string, functionName: string): Route {
  const refuse = (what: string): StartError =>
    new StartError(`function ${functionName}: route ${JSON.stringify(template)}: ${what}`)
  const parts = template.replace(/^\/+|\/+$/g, '').split('/')
  const segments = parts.filter((part) => part !== '').map((part) => parseSegment(part, refuse))
  const names = new Set<string>()
  segments.forEach((segment, index) => {
    if (segment.kind === 'literal') return
    const last = index === segments.length - 1
    if (segment.catchAll && !last) throw refuse(`{*${segment.name}} must be last`)
    if (segment.optional && !last) throw refuse(`{${segment.name}?} must be last`)
    if (names.has(segment.name.toLowerCase())) throw refuse(`{${segment.name}} occurs twice`)
    names.add(segment.name.toLowerCase())
  })
  return {
    template,
    segments,
    shape: segments.map(shape).join('/'),
  }
}

/**
 * Matches a path with a route.
 * @param path segments as received, still encoded, without the leading slash.
 * @returns the parameters; undefined if the path does not match.
 */
export function matchRoute(route: Route, path: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (const [index, segment] of route.segments.entries()) {
    const part = path[index]
    if (segment.kind === 'literal') {
      if (part === undefined || decode(part).toLowerCase() !== segment.text) return undefined
      continue
    }
    const value = segment.catchAll ? path.slice(index).map(decode).join('/') : decode(part ?? '')
    if (value === '') {
      if (!segment.optional && !segment.catchAll) return undefined
    } else {
      if (!segment.constraints.every((constraint) => constraint.test(value))) return undefined
      params[segment.name] = value
    }
    if (segment.catchAll) return params
  }
  return path.length > route.segments.length ? undefined : params
}

/** Whether both can match the same path. It assumes that two constraints always have a common value. */
export function overlaps(one: Route, other: Route): boolean {
  for (let index = 0; ; index += 1) {
    const [a, b] = [one.segments[index], other.segments[index]]
    if (a === undefined || b === undefined)
      return [a, b].every((segment) => segment === undefined || canBeEmpty(segment))
    if (!canBeEqual(a, b)) return false
    if (isCatchAll(a) || isCatchAll(b)) return true
  }
}

function isCatchAll(segment: Segment): boolean {
  return segment.kind === 'parameter' && segment.catchAll
}

function canBeEmpty(segment: Segment): boolean {
  return segment.kind === 'parameter' && (segment.optional || segment.catchAll)
}

function canBeEqual(a: Segment, b: Segment): boolean {
  if (a.kind === 'literal') return b.kind === 'literal' ? a.text === b.text : canBeEqual(b, a)
  return b.kind === 'parameter' || a.catchAll || a.constraints.every((constraint) => constraint.test(b.text))
}

/** An encoded slash stays encoded, because it does not separate segments. */
function decode(part: string): string {
  try {
    return part.split(/%2f/i).map(decodeURIComponent).join('%2F')
  } catch {
    // ASP.NET Core also leaves a malformed part unchanged.
    return part
  }
}

const PARAMETER = /^\{(\*{0,2})([A-Za-z_][\w-]*)((?::[^{}?]+)*)(\?)?\}$/

function parseSegment(part: string, refuse: (what: string) => StartError): Segment {
  if (!/[{}]/.test(part)) return { kind: 'literal', text: part.toLowerCase() }
  const found = PARAMETER.exec(part)
  if (!found) throw refuse(`${part} is not supported: a segment is text, {name}, {name?}, {*name} or {name:constraint}`)
  const [, stars = '', name = '', constraints = '', optional] = found
  return {
    kind: 'parameter',
    name,
    constraints: constraints
      .split(':')
      .slice(1)
      .map((text) => parseConstraint(text, refuse)),
    optional: optional !== undefined,
    catchAll: stars !== '',
  }
}

const INT = /^[+-]?\d+$/
const tests: Readonly<Record<string, (value: string, least: number, most: number) => boolean>> = {
  int: (value) => INT.test(value) && Math.abs(Number(value)) < 2 ** 31,
  long: (value) =>
    INT.test(value) && BigInt.asIntN(64, BigInt(value.replace('+', ''))) === BigInt(value.replace('+', '')),
  bool: (value) => /^(true|false)$/i.test(value),
  guid: (value) => /^\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?$/i.test(value),
  alpha: (value) => /^[a-z]*$/i.test(value),
  min: (value, least) => INT.test(value) && Number(value) >= least,
  max: (value, most) => INT.test(value) && Number(value) <= most,
  range: (value, least, most) => INT.test(value) && Number(value) >= least && Number(value) <= most,
  minlength: (value, least) => value.length >= least,
  maxlength: (value, most) => value.length <= most,
  length: (value, least, most) => value.length >= least && value.length <= most,
}
const argumentCounts: Readonly<Record<string, readonly number[]>> = {
  min: [1],
  max: [1],
  range: [2],
  minlength: [1],
  maxlength: [1],
  length: [1, 2],
}

function parseConstraint(text: string, refuse: (what: string) => StartError): Constraint {
  const [, name = '', given] = /^([a-z]+)(?:\((-?\d+(?:,-?\d+)?)\))?$/i.exec(text) ?? []
  const test = tests[name.toLowerCase()]
  const numbers = given?.split(',').map(Number) ?? []
  if (!test || !(argumentCounts[name.toLowerCase()] ?? [0]).includes(numbers.length))
    throw refuse(`the constraint ${text} is not supported; there are ${Object.keys(tests).join(', ')}`)
  const [first = 0, second = first] = numbers
  return { text: text.toLowerCase(), test: (value) => test(value, first, second) }
}

function shape(segment: Segment): string {
  if (segment.kind === 'literal') return segment.text
  const constraints = segment.constraints.map(({ text }) => text).sort()
  return `{${segment.catchAll ? '*' : ''}${constraints.join(':')}}`
}
