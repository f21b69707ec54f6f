import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUNCTIONS } from '../query/functions/functions.ts'
import { QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

type Cases = readonly (readonly [expression: string, expected: unknown])[]

// Most are the examples of the function's page in the documentation:
// https://learn.microsoft.com/azure/cosmos-db/nosql/query/system-functions

const STRINGS: Cases = [
  ['CONCAT("abc", "def", "")', 'abcdef'],
  ['CONCAT("abc", 1)', undefined],
  ['CONTAINS("Adventure Works", "WORKS")', false],
  ['CONTAINS("Adventure Works", "WORKS", true)', true],
  ['CONTAINS(1, "1")', undefined],
  ['ENDSWITH("abc", "bC")', false],
  ['ENDSWITH("abc", "bC", true)', true],
  ['STARTSWITH("abc", "aB", true)', true],
  ['STARTSWITH("abc", "aB", "yes")', undefined],
  ['STRINGEQUALS("abc", "ABC")', false],
  ['STRINGEQUALS("abc", "aBC", true)', true],
  ['INDEX_OF("Windows", "i")', 1],
  ['INDEX_OF("Adventure", "v", 5)', -1],
  ['INDEX_OF("abc", "c", 1)', 2],
  ['LEFT("abc", 2) || LEFT("abc", 0) || LEFT("abc", 9) || LEFT("abc", -1)', 'ababc'],
  ['RIGHT("abc", 2) || RIGHT("abc", 0) || RIGHT("abc", 9)', 'bcabc'],
  ['LENGTH("abc")', 3],
  ['LENGTH([1])', undefined],
  ['LOWER("AbC") || UPPER("AbC")', 'abcABC'],
  ['LTRIM("  a ") || "|" || RTRIM(" a  ") || "|" || TRIM("  a ")', 'a | a|a'],
  ['REPLACE("Adventure Works is bikes", "e", "_")', 'Adv_ntur_ Works is bik_s'],
  ['REPLACE("aaa", "", "b")', 'aaa'],
  ['REPLICATE("a", 3) || REPLICATE("b", 0)', 'aaa'],
  ['REPLICATE("a", -1)', undefined],
  ['REPLICATE("a", 10001)', undefined],
  ['REVERSE("abc😀")', '😀cba'],
  ['SUBSTRING("AdventureWorks", 9, 3) || SUBSTRING("abc", 2, 10) || SUBSTRING("abc", 0, 0)', 'Worc'],
  ['STRINGJOIN(["a", "b"], ", ")', 'a, b'],
  ['STRINGSPLIT("a,b,,c", ",")', ['a', 'b', '', 'c']],
  ['StringToArray("[1, \\"a\\", [null]]")', [1, 'a', [null]]],
  ["StringToArray('[1,2,')", undefined],
  ['StringToArray("{}")', undefined],
  ['StringToBoolean(" true ")', true],
  ['StringToBoolean("TRUE")', undefined],
  ['StringToNull("null ")', null],
  ['StringToNumber("-1.55e2")', -155],
  ['StringToNumber("0xff")', undefined],
  ['StringToObject(\'{"a": 1}\')', { a: 1 }],
  ['StringToObject("[]")', undefined],
  [
    '[ToString(1), ToString(true), ToString("x"), ToString(null), ToString([1, {"a": 2}])]',
    ['1', 'true', 'x', 'null', '[1,{"a":2}]'],
  ],
  ['ToString(undefined)', undefined],
  ['RegexMatch("abcd", "ABC")', false],
  ['RegexMatch("abcd", "ABC", "i")', true],
  ['RegexMatch("abcd", "ab . *", "x")', true],
  ['RegexMatch("a\\nb", "^b$", "m")', true],
  ['RegexMatch("a\\nb", "a.b", "s")', true],
  ['RegexMatch("Ünter", "^ü[m-o]T", "i")', true],
  ['RegexMatch("aXb", "a[^x]b", "i")', false],
  ['RegexMatch("a1b", "a\\\\Db", "i")', false],
  ['RegexMatch(1, "1")', undefined],
]

const ARRAYS: Cases = [
  ['ARRAY_CONCAT(["a"], [], ["b", 1])', ['a', 'b', 1]],
  ['ARRAY_CONCAT(["a"], "b")', undefined],
  ['ARRAY_CONTAINS(["coats", "jackets"], "coats")', true],
  ['ARRAY_CONTAINS([{"category": "shirts", "color": "blue"}], {"category": "shirts"})', false],
  ['ARRAY_CONTAINS([{"category": "shirts", "color": "blue"}], {"category": "shirts"}, true)', true],
  ['ARRAY_CONTAINS([{"category": "shirts", "color": "blue"}], {"category": "shorts", "color": "blue"}, true)', false],
  ['ARRAY_CONTAINS([1, 2], undefined)', undefined],
  ['ARRAY_CONTAINS_ALL([1, true, "3", [1, 2, 3]], 1, true, "3", [1, 2, 3])', true],
  ['ARRAY_CONTAINS_ALL([1, 2, 3, 4], 2, 3, 4, 5)', false],
  ['ARRAY_CONTAINS_ALL([1, 2, 3, 4], 1, undefined)', undefined],
  ['ARRAY_CONTAINS_ALL([1, 2, 3, 4], 5, undefined)', false],
  ['ARRAY_CONTAINS_ANY([1, 2, 3, 4], 1, undefined)', true],
  ['ARRAY_CONTAINS_ANY([1, 2, 3, 4], 5, 6)', false],
  ['ARRAY_CONTAINS_ANY([1, 2, 3, 4], 5, undefined)', undefined],
  ['ARRAY_LENGTH([70, 86, null])', 3],
  ['ARRAY_LENGTH("abc")', undefined],
  ['ARRAY_SLICE(["a", "b", "c", "d"], 1)', ['b', 'c', 'd']],
  ['ARRAY_SLICE(["a", "b", "c", "d"], -2, 1)', ['c']],
  ['ARRAY_SLICE(["a", "b", "c", "d"], 0, 12)', ['a', 'b', 'c', 'd']],
  ['ARRAY_SLICE(["a", "b"], -9, 1)', ['a']],
  ['ARRAY_SLICE(["a", "b"], 0, -1)', []],
  ['CHOOSE(2, "a", "b", "c")', 'b'],
  ['CHOOSE(0, "a")', undefined],
  ['CHOOSE(3, "a", "b")', undefined],
  ['[IIF(true, 1, 2), IIF(false, 1, 2), IIF("a", 1, 2), IIF(undefined, 1, 2)]', [1, 2, 2, 2]],
  [
    'ObjectToArray({"a": "12345", "b": 67890})',
    [
      { k: 'a', v: '12345' },
      { k: 'b', v: 67890 },
    ],
  ],
  ['ObjectToArray({"a": 1}, "name", "value")', [{ name: 'a', value: 1 }]],
  ['SetIntersect([1, 2, 3, 3, "A"], [3, 4, "A", "a"])', [3, 'A']],
  ['SetUnion([1, 2], [2, {"x": 1}, {"x": 1.0}])', [1, 2, { x: 1 }]],
  ['SetDifference([1, 2, 2, 3], [3])', [1, 2]],
  ['SetUnion([1], 2)', undefined],
]

const NUMBERS: Cases = [
  ['[ABS(-1), ABS(0), SIGN(-2.5), SIGN(0), SQUARE(-3), SQRT(9), POWER(2, 10)]', [1, 0, -1, 0, 9, 3, 1024]],
  [
    '[CEILING(62.6), CEILING(-145.1), FLOOR(62.6), FLOOR(-145.1), TRUNC(2.9), TRUNC(-2.9)]',
    [63, -145, 62, -146, 2, -2],
  ],
  ['[ROUND(2.4), ROUND(2.6), ROUND(2.5), ROUND(-2.4), ROUND(-2.6), ROUND(-2.5)]', [2, 3, 3, -2, -3, -3]],
  ['ATN2(35.175643, 129.44)', 1.3054517947300646],
  [
    '[PI(), DEGREES(PI()), RADIANS(180), COS(0), SIN(0), TAN(0), ACOS(1), ASIN(0), ATAN(0)]',
    [Math.PI, 180, Math.PI, 1, 0, 0, 0, 0, 0],
  ],
  ['[EXP(0), LOG(1), LOG(8, 2), LOG10(1000), COT(1) * TAN(1)]', [1, 0, 3, 3, 1]],
  ['SQRT(-1)', undefined],
  ['LOG(0)', undefined],
  ['ABS("1")', undefined],
  ['[NumberBin(37.752), NumberBin(37.752, 10), NumberBin(-37.752, 5)]', [37, 30, -40]],
  ['NumberBin(1, 0)', undefined],
  ['[IntAdd(20, 10), IntSub(20, 25), IntMul(5, 3), IntDiv(10, 3), IntMod(12, 5)]', [30, -5, 15, 3, 2]],
  [
    '[IntBitAnd(15, 25), IntBitOr(8, 3), IntBitXor(15, 25), IntBitNot(65), IntBitLeftShift(16, 4), ' +
      'IntBitRightShift(16, 4)]',
    [9, 11, 22, -66, 256, 1],
  ],
  ['[IntDiv(1, 0), IntAdd(1.5, 1), IntBitLeftShift(1, 64)]', []],
  ['RAND() >= 0 AND RAND() < 1', true],
]

const TYPES: Cases = [
  [
    '[IS_ARRAY([]), IS_ARRAY({}), IS_BOOL(false), IS_BOOL(0), IS_NULL(null), IS_NULL(undefined)]',
    [true, false, true, false, true, false],
  ],
  [
    '[IS_NUMBER(1), IS_NUMBER("1"), IS_OBJECT({}), IS_OBJECT([]), IS_OBJECT(null), IS_STRING("")]',
    [true, false, true, false, false, true],
  ],
  [
    '[IS_DEFINED(null), IS_DEFINED(undefined), IS_PRIMITIVE(null), IS_PRIMITIVE([]), IS_PRIMITIVE(undefined)]',
    [true, false, true, false, false],
  ],
  [
    '[IS_INTEGER(1), IS_INTEGER(1.5), IS_INTEGER("1"), IS_FINITE_NUMBER(1.5), IS_FINITE_NUMBER("x")]',
    [true, false, false, true, false],
  ],
]

const DATES: Cases = [
  ['DateTimeAdd("mm", 1, "2020-07-09T23:20:13.4575530Z")', '2020-08-09T23:20:13.4575530Z'],
  ['DateTimeAdd("mm", 1, "2021-01-31T00:00:00.0000000Z")', '2021-02-28T00:00:00.0000000Z'],
  ['DateTimeAdd("yyyy", -1, "2020-02-29T12:00:00Z")', '2019-02-28T12:00:00.0000000Z'],
  ['DateTimeAdd("hh", -25, "2020-07-09T23:20:13.4575530Z")', '2020-07-08T22:20:13.4575530Z'],
  ['DateTimeAdd("ns", 250, "2020-07-09T23:20:13.4575530Z")', '2020-07-09T23:20:13.4575532Z'],
  ['DateTimeAdd("xx", 1, "2020-07-09T23:20:13.4575530Z")', undefined],
  ['DateTimeAdd("yyyy", 9000, "2020-07-09T23:20:13Z")', undefined],
  ['DateTimeBin("2021-01-08T18:35:00.0000000", "dd")', '2021-01-08T00:00:00.0000000Z'],
  ['DateTimeBin("2021-01-08T18:35:00.0000000", "hh", 5)', '2021-01-08T15:00:00.0000000Z'],
  ['DateTimeBin("2021-01-08T18:35:00.0000000", "dd", 7)', '2021-01-07T00:00:00.0000000Z'],
  [
    'DateTimeBin("2021-01-08T18:35:00.0000000", "dd", 7, "1601-01-01T00:00:00.0000000")',
    '2021-01-04T00:00:00.0000000Z',
  ],
  ['DateTimeBin("2021-05-08T18:35:00.0000000", "mm", 3)', '2021-04-01T00:00:00.0000000Z'],
  ['DateTimeBin("2021-01-08T18:35:00.0000000", "hh", 0)', undefined],
  ['DateTimeDiff("yyyy", "2019-02-04T16:00:00.0000000", "2018-03-05T05:00:00.0000000")', -1],
  ['DateTimeDiff("mm", "2019-02-04T16:00:00.0000000", "2018-03-05T05:00:00.0000000")', -11],
  ['DateTimeDiff("dd", "2019-02-04T16:00:00.0000000", "2018-03-05T05:00:00.0000000")', -336],
  ['DateTimeDiff("hh", "2019-02-04T16:00:00.0000000", "2018-03-05T05:00:00.0000000")', -8075],
  ['DateTimeDiff("ss", "2018-03-05T05:00:00.0000000", "2019-02-04T16:00:00.0000000")', 29070000],
  ['DateTimeFromParts(2017, 4, 20, 13, 15, 20, 3456789)', '2017-04-20T13:15:20.3456789Z'],
  ['DateTimeFromParts(2017, 2, 30)', undefined],
  ['DateTimeFromParts(-2017, 4, 20)', undefined],
  ['DateTimePart("ns", "2016-05-29T08:30:00.1301617")', 130161700],
  ['DateTimePart("mcs", "2016-05-29T08:30:00.1301617")', 130161],
  ['DateTimePart("mm", "2016-05-29T08:30:00.1301617")', 5],
  ['DateTimePart("mi", "2016-05-29")', 0],
  ['DateTimePart("mi", "29.5.2016")', undefined],
  ['DateTimeToTicks("2020-01-02T03:04:05.6789123Z")', 15779342456789124],
  ['DateTimeToTimestamp("2020-07-09T23:20:13.4575530Z")', 1594336813457],
  ['DateTimeToTimestamp("2020-07-10T01:20:13+02:00")', 1594336813000],
  ['TimestampToDateTime(1594227912345)', '2020-07-08T17:05:12.3450000Z'],
  ['TimestampToDateTime(-1)', '1969-12-31T23:59:59.9990000Z'],
  ['TimestampToDateTime(1e300)', undefined],
  ['TicksToDateTime(15943368134575530)', '2020-07-09T23:20:13.4575530Z'],
  ['GetCurrentTicksStatic() = GetCurrentTimestampStatic() * 10000', true],
  ['DateTimeToTimestamp(GetCurrentDateTimeStatic()) = GetCurrentTimestampStatic()', true],
  ['GetCurrentTimestampStatic() > 1700000000000', true],
  // Evaluated for each item, so never before the query was bound.
  ['GetCurrentTimestamp() >= GetCurrentTimestampStatic()', true],
  ['GetCurrentTicks() >= GetCurrentTicksStatic()', true],
  ['GetCurrentDateTime() >= GetCurrentDateTimeStatic()', true],
]

const ALL = { STRINGS, ARRAYS, NUMBERS, TYPES, DATES }

for (const [what, cases] of Object.entries(ALL))
  test(`${what.toLowerCase()}: functions give the documented results, and undefined for other types`, async () => {
    const container = await harness.container()
    for (const [expression, expected] of cases) {
      const found = await harness.ask(container, `SELECT VALUE ${expression}`)
      assert.deepEqual(found, expected === undefined ? [] : [expected], expression)
    }
  })

test('every function has an example', () => {
  const texts = Object.values(ALL)
    .flat()
    .map(([expression]) => expression.toUpperCase())
  for (const name of FUNCTIONS.keys())
    assert.ok(
      texts.some((text) => text.includes(`${name}(`)),
      name,
    )
})

test('no pattern takes more than linear time, and no function makes a value larger than an item', async () => {
  const text = 'a'.repeat(100_000)
  const container = await harness.container()
  const ask = (expression: string) =>
    harness.ask(container, `SELECT VALUE ${expression}`, { parameters: { '@t': text } })
  assert.deepEqual(await ask('RegexMatch(@t, "(a+)+b") OR RegexMatch(@t, "(a|a)*$b") OR RegexMatch(@t, "a*a*a*a*b")'), [
    false,
  ])
  for (const pattern of ['(a)\\\\1', '(?=a)b', 'a{1000}', '(', 'x'.repeat(1001)])
    await assert.rejects(ask(`RegexMatch(@t, "${pattern}")`), { status: 400 }, pattern)
  await assert.rejects(ask('RegexMatch(@t, "a", "g")'), /has the modifiers m, s, i and x, not 'g'/)
  for (const expression of [
    'REPLACE(@t, "a", @t)',
    `CONCAT(${Array(100).fill('@t').join()})`,
    `${Array(100).fill('@t').join(' || ')}`,
    `STRINGJOIN([${Array(100).fill('@t').join()}], "")`,
  ])
    await assert.rejects(ask(expression), /more than 4194304 characters/)
})
