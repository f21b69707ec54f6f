import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { compileQuery } from '../query/compile/queries.ts'
import { parseQuery } from '../query/syntax/parser.ts'
import { QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

const PARSER = new URL('../query/syntax/parser.ts', import.meta.url).href
const LONG = 5000

test('chains of 5,000 operators of every kind are parsed and evaluated', async () => {
  const container = await harness.container()
  const chain = (operator: string, operand: string): string => Array(LONG).fill(operand).join(` ${operator} `)
  for (const [expression, expected] of [
    [chain('AND', '1 = 1'), true],
    [chain('OR', '1 = 2'), false],
    [chain('+', '1'), LONG],
    [chain('-', '1'), 2 - LONG],
    [chain('*', '1'), 1],
    [chain('||', '"x"'), 'x'.repeat(LONG)],
    [chain('|', '1'), 1],
    [chain('??', 'undefined'), undefined],
    [`${chain('?? undefined ??', 'undefined')} ?? 7`, 7],
    [`${'false ? 1 : '.repeat(LONG)}2`, 2],
    [`{"a": 1}${'.b'.repeat(LONG)}`, undefined],
    [`3 IN (${Array.from({ length: LONG }, (_, n) => n).join()})`, true],
    [`ARRAY_LENGTH([${Array(LONG).fill('1').join()}])`, LONG],
  ] as const)
    assert.deepEqual(
      await harness.ask(container, `SELECT VALUE ${expression}`),
      expected === undefined ? [] : [expected],
    )
})

test('any construct nests to a depth of 100, and is refused beyond it at its position', () => {
  const nestings: readonly (readonly [open: string, close: string])[] = [
    ['(', ')'],
    ['[', ']'],
    ['{"a": ', '}'],
    ['ABS(', ')'],
    ['(SELECT VALUE ', ')'],
    ['true ? ', ' : 2'],
    ['ARRAY(SELECT VALUE ', ')'],
  ]
  for (const [open, close] of nestings) {
    const nested = (depth: number): string => `SELECT VALUE ${open.repeat(depth)}1${close.repeat(depth)}`
    assert.ok(compileQuery(parseQuery(nested(49)), nested(49)), open)
    for (const depth of [101, 20_000]) {
      const refused = { status: 400, message: /"start":\d+.*nested too deeply/ }
      if (nested(depth).length <= 262_144) assert.throws(() => parseQuery(nested(depth)), refused, open)
    }
  }
  for (const operator of ['NOT ', '-', '~'])
    assert.throws(() => parseQuery(`SELECT VALUE ${operator.repeat(101)}1`), {
      status: 400,
      message: /nested too deeply/,
    })
})

test('a text of more than 256 KB is refused before it is parsed', () => {
  const text = (length: number): string => `SELECT VALUE "${'x'.repeat(length - 15)}"`
  assert.ok(parseQuery(text(262_144)))
  assert.throws(() => parseQuery(text(262_145)), { status: 400, message: /exceeded the maximum limit of 262144/ })
})

test('a server without a query has not loaded the compiler of the grammar', () => {
  const code = `import(${JSON.stringify(PARSER)}).then(({ parseQuery }) => {
    const isLoaded = () => Object.keys(require.cache).some((path) => path.includes('peggy'))
    const before = isLoaded()
    parseQuery('SELECT 1')
    console.log(before, isLoaded())
  })`
  const answer = execFileSync(process.execPath, ['--input-type=commonjs', '-e', code], { encoding: 'utf8' })
  assert.equal(answer.trim(), 'false true')
})
