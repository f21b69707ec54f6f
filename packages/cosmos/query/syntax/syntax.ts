/**
 * The location of a construct in the query's text: the offset of its first character, and of the one after
 * its last.
 */
export interface Span {
  readonly start: number
  readonly end: number
}

/**
 * A scalar expression. A chain of operators of one precedence is one node, so that its length costs no stack.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/scalar-expressions
 */
export type Expression =
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'parameter'; readonly name: string; readonly at: Span }
  | { readonly kind: 'name'; readonly name: string; readonly at: Span }
  | { readonly kind: 'path'; readonly from: Expression; readonly steps: readonly Expression[]; readonly at: Span }
  | { readonly kind: 'array'; readonly elements: readonly Expression[] }
  | { readonly kind: 'object'; readonly fields: readonly Field[] }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly first: Expression; readonly rest: readonly Operation[] }
  | { readonly kind: 'and' | 'or' | 'coalesce'; readonly operands: readonly Expression[] }
  | { readonly kind: 'conditional'; readonly cases: readonly Case[]; readonly otherwise: Expression }
  | { readonly kind: 'in'; readonly operand: Expression; readonly list: readonly Expression[] }
  | { readonly kind: 'between'; readonly operand: Expression; readonly low: Expression; readonly high: Expression }
  | { readonly kind: 'like'; readonly operand: Expression; readonly pattern: Expression; readonly escapedBy?: string }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[]; readonly at: Span }
  | { readonly kind: 'exists' | 'array-of' | 'scalar'; readonly query: Query; readonly at: Span }

export type UnaryOperator = 'NOT' | '-' | '+' | '~'
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='
export type BinaryOperator = Comparison | '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>' | '>>>' | '||'

/** The next operator of a chain, applied to everything before it. */
export interface Operation {
  readonly operator: BinaryOperator
  readonly operand: Expression
}

interface Case {
  readonly when: Expression
  readonly value: Expression
}

interface Field {
  readonly name: string
  readonly value: Expression
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/select */
export type Selection =
  | { readonly kind: 'all'; readonly at: Span }
  | { readonly kind: 'value'; readonly value: Expression; readonly valueAt: Span }
  | { readonly kind: 'list'; readonly items: readonly SelectItem[] }

export interface SelectItem {
  readonly value: Expression
  /** The location of the value without the alias. */
  readonly valueAt: Span
  readonly alias: string | undefined
  readonly at: Span
}

/**
 * One set of FROM or JOIN. With `each` it stands for the elements of an array (`x IN c.list`), else for one
 * value.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/from
 */
export interface Source {
  readonly each: boolean
  readonly alias: string | undefined
  readonly set:
    | { readonly kind: 'path'; readonly root: string; readonly steps: readonly (string | number)[] }
    | { readonly kind: 'query'; readonly query: Query }
  readonly at: Span
}

export interface OrderItem {
  readonly value: Expression
  readonly valueAt: Span
  readonly descending: boolean
  readonly at: Span
}

export interface Query {
  readonly distinct: boolean
  readonly top: Expression | undefined
  readonly select: Selection
  readonly from: readonly Source[]
  readonly where: Expression | undefined
  readonly groupBy: readonly Expression[]
  readonly orderBy: readonly OrderItem[]
  /** The locations of the clauses that a plan quotes, without their keywords. */
  readonly fromAt: Span | undefined
  readonly whereAt: Span | undefined
  readonly groupByAt: readonly Span[]
  readonly page: { readonly offset: Expression; readonly limit: Expression } | undefined
  readonly at: Span
}
