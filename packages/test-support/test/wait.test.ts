import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { it } from 'node:test'

const WAIT = JSON.stringify(new URL('../wait.ts', import.meta.url).href)

/** The message of a wait under a runner that gives a test this many milliseconds. */
const said = (timeoutMs: number, wait: string): string =>
  execFileSync(
    process.execPath,
    [
      `--test-timeout=${timeoutMs}`,
      '--input-type=module',
      '--eval',
      `import { until, within } from ${WAIT}; ${wait}.then(console.log, ({ message }) => console.log(message))`,
    ],
    { encoding: 'utf8' },
  ).trim()

it('a wait ends before the runner ends its test, and reports its subject and the last value', () => {
  const late = "waited 0.04 s for tea; last seen: [ 'coffee' ]"
  assert.equal(said(50, `until('tea', () => ['coffee'], ([drink]) => drink === 'tea')`), late)
  assert.equal(said(50, `within(new Promise(() => {}), 'tea', () => ['coffee'])`), late)
  assert.equal(said(50, `until('tea', () => false)`), 'waited 0.04 s for tea')
})

it('a wait settles with the value it saw, and fails with the error of its subject', () => {
  assert.equal(said(60_000, `until('tea', () => 'tea')`), 'tea')
  assert.equal(said(60_000, `within(Promise.resolve('tea'), 'tea')`), 'tea')
  assert.equal(said(60_000, `until('tea', () => { throw new Error('the pot is broken') })`), 'the pot is broken')
})
