import fc from 'fast-check'
import { keyFault, MAX_KEY_BYTES } from '../../core/document-key.ts'

/** Texts with a special meaning in a URL, a route, a file system, a header or a query. */
const hard = [
  ...[
    ' ',
    'a ',
    ' a',
    '.',
    '..',
    '...',
    '.a',
    'a.',
    'a..',
    '. .',
    '%',
    '%%',
    '%2',
    '%zz',
    '%25',
    '%2E',
    '%2e%2e',
    '%252F',
    '%00',
    '%5C',
  ],
  ...[
    '?',
    'a?b',
    '?a=b',
    '#',
    'a#b',
    '+',
    'a+b',
    '&',
    '=',
    ';',
    'a;b=c',
    ':',
    'a:b',
    '*',
    '|',
    '~',
    '@',
    '!',
    '$',
    ',',
    '"',
    "'",
    '`',
    '^',
  ],
  ...[
    '<b>',
    '{x}',
    '{*x}',
    '[x]',
    '(x)',
    'a,b',
    'con',
    'NUL',
    'état',
    'e\u0301tat',
    'ß',
    'İ',
    '茶',
    '😀',
    '👩‍👩‍👧',
    '\u200b',
    '\ufeff',
    '\ufeffa',
  ],
  ...[
    '\uffff',
    '\ufffe',
    '\ufffd',
    '\u{10ffff}',
    '\u00a0',
    '\u2028',
    '\u202e',
    '\u0344',
    'order-1',
    '1|document|a',
    'constructor',
    '__proto__',
  ],
  ...[
    'x'.repeat(MAX_KEY_BYTES),
    '茶'.repeat(MAX_KEY_BYTES / 4),
    '😀'.repeat(MAX_KEY_BYTES / 4),
    '%'.repeat(MAX_KEY_BYTES),
  ],
]

/** Keys that no document may have. */
export const refusedKeys = [
  ...[
    '',
    '.',
    '..',
    '/',
    'a/b',
    'a/',
    '/a',
    '\\',
    'a\\b',
    '%2F',
    'a%2fb',
    '\0',
    'a\0',
    '\n',
    'a\r\nb',
    '\t',
    '\x7f',
    '\x85',
  ],
  ...['\ud83d', 'a\ude00', '\ude00\ud83d', 'x'.repeat(MAX_KEY_BYTES + 1), '茶'.repeat(MAX_KEY_BYTES / 2)],
]

/** Keys that documents may have: any text, and texts with a special meaning on their way. */
export const documentKey: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 2, arbitrary: fc.constantFrom(...hard) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.constantFrom(...hard.filter(({ length }) => length < 10)), { minLength: 2, maxLength: 5 })
        .map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }) },
  )
  .filter((key) => keyFault(key) === undefined)

/** The hard texts that documents may have as keys. */
export const hardKeys = hard.filter((key) => keyFault(key) === undefined)
