import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { lintProse } from '../prose/lint.ts'
import { findMessages } from '../prose/messages.ts'
import { MAX_SENTENCE } from '../prose/rules.ts'
import { findWideLines } from '../prose/wide-lines.ts'

describe('the prose check', () => {
  it('reports a sentence that is too long, with its line', async () => {
    const long = `${'word '.repeat(MAX_SENTENCE / 4)}end.`
    const [fault, ...others] = await lintProse(`# A title\n\nShort. ${long}`, '.md')
    assert.equal(fault?.line, 3)
    assert.match(fault?.fault ?? '', /length/i)
    assert.deepEqual(others, [])
  })

  it('reports a private word, and names the word of the field', async () => {
    const faults = await lintProse('A view of many streams was made anew.', '.txt')
    assert.deepEqual(faults.map(({ fault }) => /use “(.*?)” instead/.exec(fault)?.[1]).toSorted(), [
      'multi-stream view',
      'recreated',
    ])
  })

  it('has nothing to say about plain English, nor about a private word in code', async () =>
    assert.deepEqual(await lintProse('The relay publishes events. `a view of many streams`', '.md'), []))
})

describe('the texts that the prose check finds in code', () => {
  const findTexts = (source: string) => findMessages('any.ts', source).map(({ line, text }) => [line, text])

  it('are those of errors, refusals and log lines, joined where they are in parts', () =>
    assert.deepEqual(
      findTexts(
        [
          "throw new TidemarkError('internal', `\u0024{name} is` + ' not there')",
          "refuse('order-placed', 'the order was placed')",
          'trace.warn(`the hub of \u0024{service} is away`)',
        ].join('\n'),
      ),
      [
        [1, 'X is not there'],
        [2, 'the order was placed'],
        [3, 'the hub of X is away'],
      ],
    ))

  it('are not codes, names or other strings', () =>
    assert.deepEqual(findTexts("new Map([['a b', 1]]); refuse('order-placed'); read('one two')"), []))
})

describe('a line that is too wide', () => {
  const wide = 'word '.repeat(30)
  it('is found in code and in documents', () => {
    assert.deepEqual(findWideLines('any.ts', `short\n// ${wide}`), [2])
    assert.deepEqual(findWideLines('any.md', `${wide}\nshort`), [1])
  })
  it('may be the row of a table, an address, a regular expression, or code in a document', () => {
    assert.deepEqual(findWideLines('any.md', `| ${wide} |\n\`\`\`\n${wide}\n\`\`\``), [])
    assert.deepEqual(findWideLines('any.ts', `  // https://${'a'.repeat(130)}\n  /^${wide}$/m,`), [])
  })
})
