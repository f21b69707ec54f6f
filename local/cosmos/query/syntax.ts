/** An expression of a query. */
export type Expression =
  | { readonly kind: 'path'; readonly names: readonly (string | number)[] }
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'in'; readonly operand: Expression; readonly list: readonly Expression[] }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly operands: readonly Expression[] }

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

export interface Field {
  readonly name: string
  readonly value: Expression
}

export interface Term {
  readonly path: readonly (string | number)[]
  readonly descending: boolean
}

export interface Query {
  readonly select:
    | { readonly kind: 'all' | 'count' }
    | { readonly kind: 'value'; readonly value: Expression }
    | { readonly kind: 'list'; readonly fields: readonly Field[] }
  readonly where: Expression | undefined
  readonly orderBy: readonly Term[]
  readonly offset: Expression | undefined
  /** LIMIT or TOP. */
  readonly limit: Expression | undefined
  /** The names of all parameters, with their `@`. */
  readonly parameters: ReadonlySet<string>
}

/** The functions there are, with the least and the most operands they take. */
export const FUNCTIONS = {
  STARTSWITH: [2, 3],
  IS_DEFINED: [1, 1],
  IS_NULL: [1, 1],
  ARRAY_CONTAINS: [2, 2],
} as const
export type FunctionName = keyof typeof FUNCTIONS
