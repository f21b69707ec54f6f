import { seededRandom } from '../../../kit/seeded-random.ts'

const quoted = (text: string): string => JSON.stringify(text)

const DATES = [
  '2026-11-28T10:20:30.780Z',
  '2026-11-28T10:20:30.78Z',
  '2026-11-28T10:20:30.000Z',
  '2026-11-28T10:20:30Z',
  '2026-11-28T10:20:30z',
  '2026-11-28T10:20:30',
  '2026-11-28T10:20:30.1234567',
  '2026-11-28T10:20:30.12345678',
  '2026-11-28T10:20:30.123456789',
  '2026-11-28T10:20:30.1234567890',
  '2026-11-28T10:20:30.',
  '2026-11-28T10:20:30.Z',
  '2026-11-28T10:20:30+02:00',
  '2026-11-28T10:20:30-05:30',
  '2026-11-28T10:20:30+0200',
  '2026-11-28T10:20:30+02',
  '2026-11-28T10:20:30+2',
  '2026-11-28T10:20:30+02:',
  '2026-11-28T10:20:30+99:99',
  '2026-11-28T10:20:30-00:00',
  '2026-11-28T10:20:30:30',
  '2026-11-28T10:20:30:',
  '2026-11-28T10:20:3012',
  '2026-11-28T24:00:00Z',
  '2026-11-28T24:00:00.0Z',
  '2026-11-28T24:00:00.1Z',
  '2026-11-28T24:00:01Z',
  '2026-11-28T25:00:00Z',
  '2026-11-28T23:60:00Z',
  '2026-11-28T23:59:60Z',
  '9999-12-31T24:00:00',
  '9999-12-31T23:59:59.9999999-01:00',
  '0001-01-01T00:00:00+01:00',
  '0001-01-01T00:00:00',
  '0000-01-01T00:00:00Z',
  '0099-03-01T00:00:00.5Z',
  '1900-02-29T00:00:00Z',
  '2000-02-29T00:00:00Z',
  '2026-02-29T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-00-01T00:00:00Z',
  '2026-04-31T00:00:00Z',
  '2026-11-28',
  '2026-11-28T10:20',
  '2026-11-28T10:20Z',
  '2026-11-28 10:20:30Z',
  '2026-11-28t10:20:30Z',
  '2026-11-28T10:20:30 Z',
  ' 2026-11-28T10:20:30Z',
  '2026-11-28T10:20:30Z ',
  '2026-11-28T10:20:30.123456789012345678901Z',
  '20261128T102030Z',
  '+2026-11-28T10:20:30Z',
  '٢026-11-28T10:20:30Z',
  'Sat, 28 Nov 2026 10:20:30 GMT',
  '10:20:30',
  '/Date(0)/',
  '/Date(-1)/',
  '/Date(1234567890123)/',
  '/Date(1234567890123+0200)/',
  '/Date(1234567890123-0730)/',
  '/Date(1-0)/',
  '/Date(1+1)/',
  '/Date(1+aa)/',
  '/Date(+1)/',
  '/Date(--1)/',
  '/Date( 1)/',
  '/Date()/',
  '/Date(x)/',
  '/Date(1)/x',
  'x/Date(1)/',
  '/Date(253402300799999)/',
  '/Date(253402300800000)/',
  '/Date(-62135596800000)/',
  '/Date(-62135596800001)/',
  '/Date(9223372036854775807)/',
  '/Date(9223372036854775808)/',
  '/Date(1234567890123456789012)/',
].map(quoted)

const NUMBERS = [
  ...[
    '0',
    '-0',
    '0.0',
    '-0.0',
    '1',
    '-1',
    '1.0',
    '1.50',
    '100.00',
    '1e0',
    '1E5',
    '1e-5',
    '1e-4',
    '12e-7',
    '1.5e-5',
    '1e14',
  ],
  ...[
    '1e15',
    '1e16',
    '1e17',
    '1e21',
    '1e22',
    '1e23',
    '8.41e21',
    '1e100',
    '1e308',
    '1.8e308',
    '-1.8e308',
    '1e400',
    '1e-400',
  ],
  ...['5e-324', '1e-323', '2.2250738585072014E-308', '1.7976931348623157e308', '0.1', '0.30000000000000004', '4.35'],
  ...['9007199254740991', '9007199254740993', '9007199254740993.0', '9223372036854775807', '9223372036854775808'],
  ...['-9223372036854775808', '-9223372036854775809', '123456789012345678901234567890', '12345678901234567890.0'],
  ...[
    '99999999999999990.0',
    '99999999999999999.0',
    '12345678901234567.0',
    '4503599627370496.5',
    '1.0000000000000000000001',
  ],
  ...[
    '00',
    '01',
    '017',
    '08',
    '00.5',
    '01.5',
    '-01',
    '-017',
    '0x1F',
    '0X1f',
    '0x',
    '0xg',
    '-0x1F',
    '0xFFFFFFFFFFFFFFFF',
  ],
  ...['0x7FFFFFFFFFFFFFFF', '0xFFFFFFFFFFFFFFFFF', '0777', '01777777777777777777777', '0777777777777777777777777'],
  ...[
    '.5',
    '-.5',
    '1.',
    '-5.',
    '5.e3',
    '+1',
    '1e',
    '1e+',
    '1e+5',
    '1E-7',
    '-',
    '--1',
    '-a',
    '1-2',
    '1x',
    '1_0',
    '1.5.2',
    '0e1',
    '0.',
  ],
  ...['9'.repeat(380), '9'.repeat(381), 'NaN', 'Infinity', '-Infinity', '-I', 'Infinit', 'NaNx', '-Infinityx'],
]

const STRINGS = [
  ...[
    '""',
    '" "',
    "'a'",
    `'a"b'`,
    `"a'b"`,
    '"\\u0000\\u001f\\b\\f\\n\\r\\t\\/\\\\\\""',
    '"\\\'"',
    '"a\nb"',
    '"a\u0000b"',
  ],
  ...[
    '"\u007f\u0080\u0085\u2028\u2029<>&"',
    '"\\ud800"',
    '"a\\ud800b"',
    '"\\ud83d\\ude00"',
    '"😀"',
    '"\\udc00\\ud800"',
  ],
  ...[
    '"\\ud800\\ud800\\udc00"',
    '"\\ud800\\u0041"',
    '"\\ud800\\n"',
    '"\\uFFFF\ufffe"',
    '"\\q"',
    '"\\x41"',
    '"\\u12"',
    '"\\u12G4"',
  ],
  ...[
    '"abc',
    "'abc",
    '"\\',
    '"\\u',
    '"\\u002fDate(1)/"',
    '"2026-11-28T10:20:30\\u005a"',
    '"2026-11-28T10:20:30.1Z\u0000"',
  ],
]

const deep = (open: string, close: string, depth: number, inner = ''): string =>
  open.repeat(depth) + inner + close.repeat(depth)

const STRUCTURES = [
  ...[
    '',
    '  ',
    'null',
    'true',
    'false',
    'True',
    'nul',
    'nullx',
    'truex',
    'undefined',
    ',',
    ':',
    '}',
    ']',
    ')',
    '[)',
    '[true)',
    '\ufeff{}',
  ],
  ...[
    '{}',
    '[]',
    '[ ]',
    '{ }',
    '[1,2]',
    '[1 2]',
    '[1,]',
    '[,]',
    '[,1]',
    '[1,,2]',
    '[,,]',
    '[1,,]',
    '[undefined,]',
    '[1]]',
    '[1}',
  ],
  ...[
    '{"a":1}',
    '{"a":1,}',
    '{"a":1,,}',
    '{"a":1,,"b":2}',
    '{,"a":1}',
    '{"a":}',
    '{"a":,"b":1}',
    '{"a":,}',
    '{"a"}',
    '{"a":1]',
  ],
  ...[
    '{"a":1}}',
    '{"a":1 "b":2}',
    '{"a":undefined}',
    '{"a":NaN}',
    '{',
    '[',
    '{"a"',
    '{"a":',
    '[1',
    '[1,',
    '{} x',
    '{} {}',
    '{}[]',
  ],
  ...[
    '{a:1}',
    '{a :1}',
    '{$a_1:1}',
    '{1:2}',
    '{é:1}',
    '{aé٠:1}',
    '{a-b:1}',
    "{'a':'b'}",
    '{"":1}',
    '{"a\\u0062":1}',
    '{"a"b:1}',
  ],
  ...[
    '{"b":2,"a":1}',
    '{"b":1,"a":2,"b":3}',
    '{"a":{"b":[{"a":"x","a":1.50}]}}',
    '{"2":1,"1":2}',
    '{"__proto__":1,"constructor":2}',
  ],
  ...[
    '{"a":"2026-11-28T10:20:30.100Z","a":"x"}',
    '{"a":"9999-12-31T24:00:00","a":"x"}',
    '{"2026-11-28T10:20:30.100Z":1}',
  ],
  ...['{"a":["2026-11-28T10:20:30.100Z",{"b":"2026-11-28T10:20:30+02:00"}]}', "['2026-11-28T10:20:30.100Z']"],
  ...[
    '\t\r\n\f\v1',
    '1\u00a0',
    '\u00a01',
    '\u2003[1]\u2003',
    '\u0085[1]',
    '\u200b1',
    '[1]\ufeff',
    '{\u2028"a"\u3000:\u202f1\u205f}',
  ],
  ...[
    '{"$type":"x","a":1}',
    '{"$type":null}',
    '{"$type":5,"a":1}',
    '{"$type":{},"a":1}',
    '{"$id":"1","a":"x"}',
    '{"$id":null,"a":1}',
  ],
  ...[
    '{"$id":5,"$type":"x","a":1}',
    '{"$id":[1],"a":1}',
    '{"$id":"1"}',
    '{"a":1,"$id":"2"}',
    '{"$x":1,"$id":"2"}',
    '{"$ref":"1"}',
  ],
  ...[
    '{"$ref":"1",}',
    '{"$ref":"1","a":1}',
    '{"$ref":null,"a":1}',
    '{"$ref":2}',
    '{"$ref":"2026-11-28T10:20:30Z"}',
    '{"$values":[1]}',
  ],
  ...[
    '{"$values":1}',
    '{"$values":[1],"a":2}',
    '{"$id":"1","$values":[{"$id":"x"}]}',
    '[{"$type":"x"}]',
    '{"a":{"$ref":"1","x":2}}',
  ],
  ...[
    '{"a":1',
    '{"a":[1',
    '[[1',
    '[[1]',
    '[{"a":1',
    '{"a":{"b":1',
    '[1 ',
    '{"a":1,',
    '{"a":[1,',
    '[[',
    '[[]',
    '{"a":{}',
    '[""',
    '[1,2',
  ],
  ...[
    '[{',
    '[{}',
    '[{"a"',
    '[{"a":',
    '{"a":{',
    '{"a":{"b":',
    '{"$id":"1"',
    '{"$id":"1","a":1',
    '{"$values":[1',
    '{"$values":[1]',
    '{"$ref":"1"',
  ],
  ...['[true', '[tru', '{"a":nul', '[[1],', '[[1}', '{"a":[1}', '[NaN', '[undefined', '{"a":undefined', '[[undefined'],
  deep('[', ']', 64),
  deep('[', ']', 65),
  deep('{"a":', '}', 64, '1'),
  deep('{"a":', '}', 65, '1'),
]

/** Texts chosen by hand. */
export const chosenTexts: readonly string[] = [...DATES, ...NUMBERS, ...STRINGS, ...STRUCTURES]

/** Returns `count` seeded random texts that look like dates, numbers and objects. */
export function randomTexts(seed: number, count: number): readonly string[] {
  const dice = new Dice(seed)
  return Array.from({ length: count }, () =>
    dice.pick([() => quoted(dice.date()), () => dice.number(), () => dice.json(0), () => dice.cut(dice.json(0))])(),
  )
}

class Dice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  pick<Value>(values: readonly Value[]): Value {
    const picked = values[Math.floor(this.#random() * values.length)]
    if (picked === undefined) throw new Error('there is nothing to pick from')
    return picked
  }

  #digits(count: number): string {
    return Array.from({ length: count }, () => this.pick([...'0123456789'])).join('')
  }

  #below(limit: number): string {
    return String(Math.floor(this.#random() * limit)).padStart(2, '0')
  }

  /** Returns a date, often with one mistake, because the reader checks one place after another. */
  date(): string {
    const zone = this.pick(['', 'Z', 'Z', 'z', '+', '-', '+', '-', ':', 'X'])
    const offset = this.pick(['', this.#below(15), `${this.#below(15)}:${this.#below(60)}`, this.#digits(4), ':'])
    const text = [
      this.pick(['2026', '2024', '0001', '9999', '1969', this.#digits(4)]),
      `-${this.#below(14)}-${this.#below(33)}T`,
      `${this.#below(26)}:${this.#below(61)}:${this.#below(61)}`,
      this.pick([
        '',
        '',
        `.${this.#digits(3)}`,
        `.${this.#digits(2)}0`,
        `.${this.#digits(Math.floor(this.#random() * 11))}`,
      ]),
      `${zone}${/[-+:]/.test(zone) ? offset : ''}`,
    ].join('')
    return this.#random() < 0.1 ? this.#damage(text) : text
  }

  #damage(text: string): string {
    const at = Math.floor(this.#random() * text.length)
    return text.slice(0, at) + this.pick(['', ' ', 'T', '-', '0', '/', 'é']) + text.slice(at + 1)
  }

  /** Returns the beginning of a text. */
  cut(text: string): string {
    return text.slice(0, Math.floor(this.#random() * text.length))
  }

  number(): string {
    const exponent = this.pick(['', '', `e${this.#below(30)}`, `E-${this.#below(30)}`, `e+${this.#below(320)}`])
    const fraction = this.pick(['', `.${this.#digits(1 + Math.floor(this.#random() * 18))}`])
    const whole = this.pick(['0', '', this.#digits(1 + Math.floor(this.#random() * 22))])
    return `${this.pick(['', '-'])}${whole}${fraction}${exponent}`
  }

  json(depth: number): string {
    if (depth > 3 || this.#random() < 0.4)
      return this.pick([
        () => quoted(this.date()),
        () => this.number(),
        () => this.pick(['true', 'null', '"\\ud800"', "'x'"]),
      ])()
    const inner = (): string[] => Array.from({ length: Math.floor(this.#random() * 4) }, () => this.json(depth + 1))
    if (this.#random() < 0.4) return `[${inner().join(this.pick([',', ', ']))}${this.pick(['', '', ','])}]`
    const named = inner().map((value) => `${this.pick(['"a"', '"b"', 'c', `"${this.date()}"`])}:${value}`)
    return `{${named.join(this.pick([',', ' ,']))}${this.pick(['', '', ','])}}`
  }
}
