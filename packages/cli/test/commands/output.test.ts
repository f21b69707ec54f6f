import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { Output, type Sink } from '../../tidemark/output/output.ts'
import { tableLines } from '../../tidemark/output/table.ts'
import { jsonText, measureWidth, plain, shortened } from '../../tidemark/output/text.ts'

const columns = [{ title: 'stream', flexible: true }, { title: 'version', right: true }, { title: 'type' }] as const
const rows = [
  ['order-1', 7, 'OrderPlaced'],
  ['order-東京', 12, 'OrderCancelled'],
  ['order-23', undefined, ''],
]

class Screen implements Sink {
  text = ''
  readonly isTTY: boolean
  readonly columns: number | undefined

  constructor(isTTY: boolean, columns?: number) {
    this.isTTY = isTTY
    this.columns = columns
  }

  write(text: string): void {
    this.text += text
  }
}

describe('a table', () => {
  it('has columns as wide as their widest cell, right-aligned numbers, and no trailing spaces', () => {
    assert.deepEqual(tableLines(columns, rows), {
      head: 'stream      version  type',
      rows: ['order-1           7  OrderPlaced', 'order-東京       12  OrderCancelled', 'order-23'],
    })
  })

  it('fits into a terminal by shortening cells, with an ellipsis', () => {
    const long = [['order-0123456789-0123456789', 1, 'OrderPlaced']]
    const { head, rows: lines } = tableLines(columns, long, 36)
    assert.deepEqual([head, lines], ['stream          version  type', ['order-0123456…        1  OrderPlaced']])
    // The terminal is too narrow: the table is as narrow as possible.
    assert.equal(tableLines(columns, long, 10).rows[0], 'order-0…        1  OrderPlaced')
  })

  it('has lines of equal width, never wider than the terminal, for any cells', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }),
        fc.integer({ min: 40, max: 90 }),
        (cells, width) => {
          const { rows: lines } = tableLines(
            [{ title: 'a', flexible: true }, { title: 'b' }],
            cells.map((cell) => [cell, '|']),
            width,
          )
          const widths = new Set(lines.map(measureWidth))
          assert.equal(widths.size, 1)
          assert.ok([...widths].every((each) => each <= width))
          for (const line of lines) assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u)
        },
      ),
    )
  })
})

describe('untrusted text', () => {
  it('cannot control the terminal, and its JSON stays JSON', () => {
    const evil = '\u001b[2J\u009b31m\u202egnp.exe\nnext'
    assert.equal(plain(evil), '\\u001b[2J\\u009b31m\\u202egnp.exe\\u000anext')
    assert.doesNotMatch(jsonText({ evil }, 2).replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u)
    assert.deepEqual(JSON.parse(jsonText({ evil }, 2)), { evil })
  })

  it('is shortened between characters, never within one', () => {
    assert.equal(shortened('東京都', 4), '東…')
    assert.equal(shortened('e\u0301e\u0301e\u0301', 2), 'e\u0301…')
    assert.equal(shortened('abc', 3), 'abc')
  })
})

describe('output', () => {
  const printed = (isTTY: boolean, env: NodeJS.ProcessEnv = {}): string => {
    const out = new Screen(isTTY, 80)
    const output = new Output({ json: false, out, err: new Screen(isTTY, 80), env })
    output.table(columns, rows, () => 'red')
    return out.text
  }

  it('has colours only on a terminal that supports them, and not with NO_COLOR', () => {
    assert.ok(printed(true).includes('\u001b[31morder-1'))
    for (const text of [printed(false), printed(true, { NO_COLOR: '1' }), printed(true, { TERM: 'dumb' })])
      assert.equal(
        text,
        `${['stream      version  type', 'order-1           7  OrderPlaced'].join('\n')}\n` +
          'order-東京       12  OrderCancelled\norder-23\n',
      )
    assert.ok(printed(true, { NO_COLOR: '' }).includes('\u001b'))
  })

  it('shows progress only on a terminal, beside the result, and clears it before a line', () => {
    const [out, err] = [new Screen(true, 80), new Screen(true, 20)]
    const output = new Output({ json: true, out, err, env: {} })
    output.progress('asking ordering, inventory, payments')
    output.value({ done: true })
    assert.equal(out.text, '{\n  "done": true\n}\n')
    assert.equal(err.text, '\r\u001b[Kasking ordering, in\r\u001b[K')
    const quiet = new Screen(false)
    const other = new Output({ json: true, out: new Screen(false), err: quiet, env: {} })
    other.progress('asking')
    other.end()
    assert.equal(quiet.text, '')
  })
})
