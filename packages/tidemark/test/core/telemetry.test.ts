import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { isSampled, isTraceparent, listTraceparents, MAX_LINKS, METRICS, NO_TELEMETRY } from '../../core/telemetry.ts'

const sampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

describe('a traceparent', () => {
  for (const [what, text] of [
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['another version', sampled.replace(/^00/, '01')],
    ['a trace of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a span of zeros', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
    ['capital letters', sampled.toUpperCase()],
    ['a longer text', `${sampled}-01`],
  ] as const)
    it(`is not ${what}`, () => assert.equal(isTraceparent(text), false))

  it('is sampled by the lowest bit of its flags', () => {
    const withFlags = (flags: string): string => sampled.replace(/01$/, flags)
    assert.deepEqual(
      ['00', '01', '02', '03', 'ff', 'fe'].map((flags) => isSampled(withFlags(flags))),
      [false, true, false, true, true, false],
    )
    assert.equal(isSampled('01'), false)
  })
})

describe('the links of a batch', () => {
  it('are the sampled traces, once each', () => {
    const other = sampled.replace('b7-', 'b8-')
    const events = [sampled, other, sampled, sampled.replace(/01$/, '00'), 'nonsense'].map((traceparent) => ({
      traceparent,
    }))
    assert.deepEqual(listTraceparents([...events, {}]), [sampled, other])
  })

  it('are bounded', () => {
    const events = Array.from({ length: 1000 }, (_, index) => ({
      traceparent: `00-${String(index + 1).padStart(32, '0')}-00f067aa0ba902b7-01`,
    }))
    assert.equal(listTraceparents(events).length, MAX_LINKS)
  })
})

describe('telemetry without an endpoint', () => {
  it('runs everything as usual, and passes the traceparent on unchanged', async () => {
    for (const parent of [sampled, undefined]) {
      const answer = await NO_TELEMETRY.span('work', { kind: 'internal', parent }, async (span) => {
        span.set({ a: 1 })
        span.fail('internal')
        return [span.traceparent]
      })
      assert.deepEqual(answer, [parent])
    }
    const error = new Error('as it was thrown')
    await assert.rejects(
      NO_TELEMETRY.span('work', { kind: 'internal' }, () => Promise.reject(error)),
      error,
    )
    NO_TELEMETRY.record('tidemark.commands', 1)
    await NO_TELEMETRY.close()
  })
})

describe('the metrics', () => {
  it('match the table in docs/operate.md, cell by cell', () => {
    const text = readFileSync(fileURLToPath(new URL('../../../../docs/operate.md', import.meta.url)), 'utf8')
    const [, table = ''] = /<!-- metrics -->([\s\S]*)<!-- \/metrics -->/.exec(text) ?? []
    const rows = table
      .trim()
      .split('\n')
      .map((row) => row.split('|').map((cell) => cell.trim()))
      .map((cells) => cells.slice(1, -1))
    assert.deepEqual(rows[0], ['metric', 'kind', 'unit', 'what it says'])
    assert.deepEqual(
      rows.slice(2),
      Object.entries(METRICS).map(([name, { kind, unit, description }]) => [
        `\`${name}\``,
        kind,
        `\`${unit}\``,
        description,
      ]),
    )
  })

  it('have the names and units of OpenTelemetry', () => {
    for (const [name, { unit, description }] of Object.entries(METRICS)) {
      assert.match(name, /^tidemark(\.[a-z][a-z_]*)+$/)
      assert.match(unit, /^(\{[a-z]+\}|s|ms)$/, name)
      assert.match(description, /^[A-Z].*\.$/, name)
    }
  })
})
