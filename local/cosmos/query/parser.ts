import { badRequest } from '../failure.ts'
import { type Expression, type Field, FUNCTIONS, type FunctionName, type Query, type Term } from './syntax.ts'
import { type Token, tokenize, unquote, unsupported } from './tokens.ts'

// Of the language: no alias, and where one stands that is not known here, a query that is not supported.
const KEYWORDS = new Set(
  'AND ARRAY AS ASC BETWEEN BY DESC DISTINCT ESCAPE EXISTS FROM GROUP HAVING IN INNER JOIN LIKE LIMIT NOT OFFSET OR ORDER RANK SELECT TOP UDF VALUE WHERE'.split(
    ' ',
  ),
)
const COMPARISONS = ['=', '!=', '<>', '<=', '>=', '<', '>'] as const
const MAX_TEXT = 262_144
const MAX_DEPTH = 100

/**
 * Parses the subset of Cosmos DB's query language that this endpoint evaluates.
 * @throws Failure 400 for everything else, naming it: an answer to another query than the one asked is worse than none.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/
 */
export function parseQuery(text: string): Query {
  if (text.length > MAX_TEXT) throw badRequest(`a query has at most ${MAX_TEXT} characters`)
  return new Parser(text).query()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #parameters = new Set<string>()
  /** The first names of all paths: FROM, which stands after some, says what they may be. */
  readonly #roots = new Set<string>()
  #next = 0
  #depth = 0

  constructor(text: string) {
    this.#tokens = tokenize(text)
  }

  query(): Query {
    this.#expectWord('SELECT')
    const top = this.#word('TOP') ? this.#primary() : undefined
    const select = this.#select()
    this.#expectWord('FROM')
    const alias = this.#alias()
    const where = this.#word('WHERE') ? this.#or() : undefined
    const orderBy = this.#word('ORDER') ? this.#orderBy() : []
    const [offset, limit] = this.#word('OFFSET') ? this.#offsetLimit() : []
    const rest = this.#peek()
    if (rest.type !== 'end') throw unsupported(`"${rest.text}"`)
    for (const root of this.#roots) if (root !== alias) throw unsupported(`"${root}", which is not the alias ${alias}`)
    if (top && limit) throw badRequest('a query has TOP or OFFSET LIMIT, not both')
    if (select.kind === 'count' && (top || limit || orderBy.length > 0))
      throw unsupported('COUNT with TOP, ORDER BY or OFFSET LIMIT')
    return { select, where, orderBy, offset, limit: top ?? limit, parameters: this.#parameters }
  }

  /** `FROM c`, `FROM root c`, `FROM root AS c` */
  #alias(): string {
    const first = this.#name()
    const { type, text } = this.#peek()
    return this.#word('AS') || (type === 'name' && !isKeyword(text)) ? this.#name() : first
  }

  #select(): Query['select'] {
    if (this.#symbol('*')) return { kind: 'all' }
    if (!this.#word('VALUE')) return { kind: 'list', fields: this.#fields() }
    const ahead = this.#tokens.slice(this.#next, this.#next + 4)
    if (ahead.map(({ text }) => text.toUpperCase()).join('') !== 'COUNT(1)') return { kind: 'value', value: this.#or() }
    this.#next += 4
    return { kind: 'count' }
  }

  #fields(): Field[] {
    const fields: Field[] = []
    const names = new Set<string>()
    do {
      const start = this.#peek().text
      const value = this.#or()
      const implied = value.kind === 'path' ? (value.names.at(-1) ?? start) : undefined
      const name = this.#word('AS') ? this.#name() : typeof implied === 'string' ? implied : `$${fields.length + 1}`
      if (names.has(name)) throw badRequest(`the query selects two values named ${name}`)
      names.add(name)
      fields.push({ name, value })
    } while (this.#symbol(','))
    return fields
  }

  #orderBy(): Term[] {
    this.#expectWord('BY')
    const terms: Term[] = []
    do {
      const path = this.#primary()
      if (path.kind !== 'path') throw unsupported('ORDER BY of anything but a path')
      const descending = this.#word('DESC')
      if (!descending) this.#word('ASC')
      terms.push({ path: path.names, descending })
    } while (this.#symbol(','))
    return terms
  }

  #offsetLimit(): [offset: Expression, limit: Expression] {
    const offset = this.#primary()
    this.#expectWord('LIMIT')
    return [offset, this.#primary()]
  }

  #or(): Expression {
    return this.#chain('or', () => this.#chain('and', () => this.#not()))
  }

  /** One level for a chain of any length, so that long ones do not exhaust the stack. */
  #chain(kind: 'and' | 'or', operand: () => Expression): Expression {
    const first = operand()
    const operands = [first]
    while (this.#word(kind.toUpperCase())) operands.push(operand())
    return operands.length === 1 ? first : { kind, operands }
  }

  /** Every nesting of an expression comes through here. */
  #not(): Expression {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw badRequest('the query is nested too deeply')
    const expression: Expression = this.#word('NOT') ? { kind: 'not', operand: this.#not() } : this.#comparison()
    this.#depth -= 1
    return expression
  }

  #comparison(): Expression {
    const left = this.#primary()
    if (this.#word('NOT')) {
      this.#expectWord('IN')
      return { kind: 'not', operand: { kind: 'in', operand: left, list: this.#list() } }
    }
    if (this.#word('IN')) return { kind: 'in', operand: left, list: this.#list() }
    if (this.#word('BETWEEN')) {
      const low = this.#primary()
      this.#expectWord('AND')
      const high = this.#primary()
      return {
        kind: 'and',
        operands: [
          { kind: 'compare', operator: '>=', left, right: low },
          { kind: 'compare', operator: '<=', left, right: high },
        ],
      }
    }
    for (const operator of COMPARISONS)
      if (this.#symbol(operator))
        return { kind: 'compare', operator: operator === '<>' ? '!=' : operator, left, right: this.#primary() }
    return left
  }

  /** `(a, b, …)` */
  #list(): Expression[] {
    this.#expectSymbol('(')
    const list: Expression[] = []
    do list.push(this.#or())
    while (this.#symbol(','))
    this.#expectSymbol(')')
    return list
  }

  #primary(): Expression {
    if (this.#symbol('(')) {
      const inner = this.#or()
      this.#expectSymbol(')')
      return inner
    }
    const { type, text } = this.#peek()
    this.#next += 1
    switch (type) {
      case 'number':
        if (!Number.isFinite(Number(text))) throw badRequest(`${text} is too large a number`)
        return { kind: 'constant', value: Number(text) }
      case 'text':
        return { kind: 'constant', value: unquote(text) }
      case 'parameter':
        this.#parameters.add(text)
        return { kind: 'parameter', name: text }
      case 'name':
        return this.#named(text)
      default:
        throw unsupported(`"${text}"`)
    }
  }

  #named(text: string): Expression {
    const word = text.toUpperCase()
    if (word === 'TRUE' || word === 'FALSE') return { kind: 'constant', value: word === 'TRUE' }
    if (word === 'NULL') return { kind: 'constant', value: null }
    if (word === 'UNDEFINED') return { kind: 'constant', value: undefined }
    if (isKeyword(text)) throw unsupported(`"${text}"`)
    if (this.#peek().text === '(') return this.#call(word)
    this.#roots.add(text)
    return { kind: 'path', names: this.#steps() }
  }

  #call(name: string): Expression {
    if (!isFunction(name)) throw unsupported(`the function ${name}`)
    const operands = this.#list()
    const [least, most] = FUNCTIONS[name]
    if (operands.length < least || operands.length > most)
      throw badRequest(`${name} takes ${least} to ${most} operands`)
    return { kind: 'call', name, operands }
  }

  /** `.a["b"][0]` */
  #steps(): (string | number)[] {
    const steps: (string | number)[] = []
    for (;;) {
      if (this.#symbol('.')) steps.push(this.#take('name'))
      else if (this.#symbol('[')) {
        const { type, text } = this.#peek()
        this.#next += 1
        if (type === 'text') steps.push(unquote(text))
        else if (type === 'number' && /^\d{1,9}$/.test(text)) steps.push(Number(text))
        else throw unsupported(`[${text}]`)
        this.#expectSymbol(']')
      } else return steps
    }
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { type: 'end', text: 'the end' }
  }

  #take(type: Token['type']): string {
    const token = this.#peek()
    if (token.type !== type) throw unsupported(`"${token.text}"`)
    this.#next += 1
    return token.text
  }

  #name(): string {
    const text = this.#take('name')
    if (isKeyword(text)) throw unsupported(`"${text}" as a name`)
    return text
  }

  #word(word: string): boolean {
    return this.#skip('name', (text) => text.toUpperCase() === word)
  }

  #symbol(symbol: string): boolean {
    return this.#skip('symbol', (text) => text === symbol)
  }

  #skip(type: Token['type'], matches: (text: string) => boolean): boolean {
    const token = this.#peek()
    const found = token.type === type && matches(token.text)
    if (found) this.#next += 1
    return found
  }

  #expectWord(word: string): void {
    if (!this.#word(word)) throw unsupported(`"${this.#peek().text}" where ${word} is expected`)
  }

  #expectSymbol(symbol: string): void {
    if (!this.#symbol(symbol)) throw unsupported(`"${this.#peek().text}" where ${symbol} is expected`)
  }
}

const isKeyword = (text: string): boolean => KEYWORDS.has(text.toUpperCase())
const isFunction = (name: string): name is FunctionName => Object.hasOwn(FUNCTIONS, name)
