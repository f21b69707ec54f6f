import { badRequest } from './failure.ts'

/** An expression of a query. */
export type Expression =
  | { readonly kind: 'path'; readonly names: readonly (string | number)[] }
  | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'in'; readonly operand: Expression; readonly list: readonly Expression[] }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] }

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

export interface Query {
  readonly select:
    | { readonly kind: 'all' }
    | { readonly kind: 'count' }
    | { readonly kind: 'value'; readonly value: Expression }
    | { readonly kind: 'list'; readonly fields: readonly { readonly name: string; readonly value: Expression }[] }
  readonly where: Expression | undefined
  readonly orderBy: readonly { readonly path: Expression; readonly descending: boolean }[]
  readonly offset: Expression | undefined
  readonly limit: Expression | undefined
}

/** The functions there are, with the numbers of operands they take. */
const functions: Readonly<Record<string, readonly [number, number]>> = {
  STARTSWITH: [2, 3],
  IS_DEFINED: [1, 1],
  IS_NULL: [1, 1],
  ARRAY_CONTAINS: [2, 2],
}

const tokenPattern =
  /\s*(?:(@[A-Za-z_]\w*)|([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|<>|<=|>=|[=<>()[\],.*]))/y

type Token = {
  readonly type: 'parameter' | 'name' | 'number' | 'text' | 'symbol' | 'end'
  readonly text: string
  readonly at: number
}

/**
 * Parses the subset of Cosmos DB's query language that this endpoint evaluates.
 * @throws Failure 400 for everything else, naming it: an answer to another query than the one asked is worse than none.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/
 */
export function parseQuery(text: string): Query {
  return new Parser(text).query()
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  tokenPattern.lastIndex = 0
  for (;;) {
    const at = tokenPattern.lastIndex
    if (text.slice(at).trim() === '') break
    const match = tokenPattern.exec(text)
    if (!match)
      throw badRequest(`the query is not supported by this endpoint: at "${text.slice(at).trim().slice(0, 40)}"`)
    const types = ['parameter', 'name', 'number', 'text', 'symbol'] as const
    const index = match.slice(1).findIndex((group) => group !== undefined)
    tokens.push({ type: types[index] ?? 'symbol', text: match[index + 1] ?? '', at })
  }
  return [...tokens, { type: 'end', text: 'the end', at: text.length }]
}

class Parser {
  readonly #tokens: readonly Token[]
  #next = 0
  #alias = 'c'
  #depth = 0

  constructor(text: string) {
    this.#tokens = tokenize(text)
  }

  query(): Query {
    this.#expectWord('SELECT')
    const top = this.#word('TOP') ? this.#primary() : undefined
    // The alias stands after what is selected.
    const from = this.#tokens.findIndex(({ type, text }) => type === 'name' && text.toUpperCase() === 'FROM')
    if (from === -1) throw this.#unsupported('a query without FROM')
    this.#alias = this.#aliasAt(from)
    const select = this.#select()
    this.#next =
      from +
      (this.#tokens[from + 2]?.text.toUpperCase() === 'AS' ? 4 : this.#tokens[from + 1]?.text === this.#alias ? 2 : 3)
    const where = this.#word('WHERE') ? this.#or() : undefined
    const orderBy = this.#word('ORDER') ? this.#orderBy() : []
    let [offset, limit]: (Expression | undefined)[] = [undefined, top]
    if (this.#word('OFFSET')) {
      offset = this.#primary()
      this.#expectWord('LIMIT')
      limit = this.#primary()
    }
    if (this.#peek().type !== 'end') throw this.#unsupported(`"${this.#peek().text}"`)
    return { select, where, orderBy, offset, limit }
  }

  /** `FROM c`, `FROM root c`, `FROM root AS c` */
  #aliasAt(from: number): string {
    const [first, second, third] = this.#tokens.slice(from + 1, from + 4)
    if (first?.type !== 'name') throw this.#unsupported('this FROM')
    if (second?.text.toUpperCase() === 'AS' && third?.type === 'name') return third.text
    const keywords = ['WHERE', 'ORDER', 'OFFSET', 'JOIN', 'GROUP', 'IN']
    return second?.type === 'name' && !keywords.includes(second.text.toUpperCase()) ? second.text : first.text
  }

  #select(): Query['select'] {
    if (this.#symbol('*')) return this.#before({ kind: 'all' })
    if (this.#word('VALUE')) {
      const count = this.#tokens
        .slice(this.#next, this.#next + 4)
        .map((token) => token.text.toUpperCase())
        .join('')
      if (count === 'COUNT(1)') {
        this.#next += 4
        return this.#before({ kind: 'count' })
      }
      return this.#before({ kind: 'value', value: this.#primary() })
    }
    const fields: { name: string; value: Expression }[] = []
    do {
      const value = this.#primary()
      const last = value.kind === 'path' ? value.names.at(-1) : undefined
      const name = this.#word('AS')
        ? this.#take('name').text
        : typeof last === 'string'
          ? last
          : `$${fields.length + 1}`
      fields.push({ name, value })
    } while (this.#symbol(','))
    return this.#before({ kind: 'list', fields })
  }

  #before(select: Query['select']): Query['select'] {
    this.#expectWord('FROM')
    return select
  }

  #orderBy(): Query['orderBy'] {
    this.#expectWord('BY')
    const terms: { path: Expression; descending: boolean }[] = []
    do {
      const path = this.#primary()
      if (path.kind !== 'path') throw this.#unsupported('ORDER BY of anything but a path')
      const descending = this.#word('DESC')
      if (!descending) this.#word('ASC')
      terms.push({ path, descending })
    } while (this.#symbol(','))
    return terms
  }

  #or(): Expression {
    let left = this.#and()
    while (this.#word('OR')) left = { kind: 'or', left, right: this.#and() }
    return left
  }

  #and(): Expression {
    let left = this.#not()
    while (this.#word('AND')) left = { kind: 'and', left, right: this.#not() }
    return left
  }

  #not(): Expression {
    if (this.#word('NOT')) return { kind: 'not', operand: this.#not() }
    return this.#comparison()
  }

  #comparison(): Expression {
    const left = this.#primary()
    if (this.#word('NOT')) {
      this.#expectWord('IN')
      return { kind: 'not', operand: this.#in(left) }
    }
    if (this.#word('IN')) return this.#in(left)
    if (this.#word('BETWEEN')) {
      const low = this.#primary()
      this.#expectWord('AND')
      return {
        kind: 'and',
        left: { kind: 'compare', operator: '>=', left, right: low },
        right: { kind: 'compare', operator: '<=', left, right: this.#primary() },
      }
    }
    for (const operator of ['=', '!=', '<>', '<=', '>=', '<', '>'] as const)
      if (this.#symbol(operator))
        return { kind: 'compare', operator: operator === '<>' ? '!=' : operator, left, right: this.#primary() }
    return left
  }

  #in(operand: Expression): Expression {
    this.#expectSymbol('(')
    const list: Expression[] = []
    do list.push(this.#primary())
    while (this.#symbol(','))
    this.#expectSymbol(')')
    return { kind: 'in', operand, list }
  }

  #primary(): Expression {
    this.#depth += 1
    if (this.#depth > 100) throw badRequest('the query is nested too deeply')
    try {
      return this.#primaryWithin()
    } finally {
      this.#depth -= 1
    }
  }

  #primaryWithin(): Expression {
    const token = this.#peek()
    if (this.#symbol('(')) {
      const inner = this.#or()
      this.#expectSymbol(')')
      return inner
    }
    this.#next += 1
    if (token.type === 'number') return { kind: 'constant', value: Number(token.text) }
    if (token.type === 'text') return { kind: 'constant', value: unquote(token.text) }
    if (token.type === 'parameter') return { kind: 'parameter', name: token.text }
    if (token.type !== 'name') throw this.#unsupported(`"${token.text}"`)
    const word = token.text.toUpperCase()
    if (word === 'TRUE' || word === 'FALSE') return { kind: 'constant', value: word === 'TRUE' }
    if (word === 'NULL') return { kind: 'constant', value: null }
    if (word === 'UNDEFINED') return { kind: 'constant', value: undefined }
    if (this.#peek().text === '(') return this.#call(word)
    if (token.text !== this.#alias) throw this.#unsupported(`"${token.text}"`)
    return { kind: 'path', names: this.#names() }
  }

  #call(name: string): Expression {
    const [least, most] = functions[name] ?? []
    if (least === undefined || most === undefined) throw this.#unsupported(`the function ${name}`)
    this.#expectSymbol('(')
    const operands: Expression[] = []
    do operands.push(this.#or())
    while (this.#symbol(','))
    this.#expectSymbol(')')
    if (operands.length < least || operands.length > most)
      throw badRequest(`${name} takes ${least} to ${most} operands`)
    return { kind: 'call', name, operands }
  }

  #names(): (string | number)[] {
    const names: (string | number)[] = []
    for (;;) {
      if (this.#symbol('.')) names.push(this.#take('name').text)
      else if (this.#symbol('[')) {
        const token = this.#peek()
        this.#next += 1
        if (token.type === 'text') names.push(String(unquote(token.text)))
        else if (token.type === 'number' && /^\d+$/.test(token.text)) names.push(Number(token.text))
        else throw this.#unsupported(`[${token.text}]`)
        this.#expectSymbol(']')
      } else return names
    }
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? (this.#tokens.at(-1) as Token)
  }

  #take(type: Token['type']): Token {
    const token = this.#peek()
    if (token.type !== type) throw this.#unsupported(`"${token.text}"`)
    this.#next += 1
    return token
  }

  #word(word: string): boolean {
    const { type, text } = this.#peek()
    const found = type === 'name' && text.toUpperCase() === word
    if (found) this.#next += 1
    return found
  }

  #symbol(symbol: string): boolean {
    const { type, text } = this.#peek()
    const found = type === 'symbol' && text === symbol
    if (found) this.#next += 1
    return found
  }

  #expectWord(word: string): void {
    if (!this.#word(word)) throw this.#unsupported(`"${this.#peek().text}" where ${word} is expected`)
  }

  #expectSymbol(symbol: string): void {
    if (!this.#symbol(symbol)) throw this.#unsupported(`"${this.#peek().text}" where ${symbol} is expected`)
  }

  #unsupported(what: string): Error {
    return badRequest(`the query is not supported by this endpoint: ${what}`)
  }
}

function unquote(text: string): unknown {
  const inner = text.slice(1, -1).replaceAll("\\'", "'")
  try {
    return JSON.parse(`"${text.startsWith('"') ? inner : inner.replaceAll('"', '\\"').replaceAll('\\\\"', '\\"')}"`)
  } catch {
    throw badRequest(`${text} is not a text`)
  }
}
