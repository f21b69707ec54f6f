import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { it } from 'node:test'

const WAIT = JSON.stringify(new URL('../wait.ts', import.meta.url).href)

/** What a wait says that ends by the clock of a runner that gives a test so many milliseconds. */
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

it('a wait ends before the runner ends its test, and says what it waited for and what it saw last', () => {
  const late = "waited 0.04 s for tea; last seen: [ 'coffee' ]"
  assert.equal(said(50, `until('tea', () => ['coffee'], ([drink]) => drink === 'tea')`), late)
  assert.equal(said(50, `within(new Promise(() => {}), 'tea', () => ['coffee'])`), late)
  assert.equal(said(50, `until('tea', () => false)`), 'waited 0.04 s for tea')
})

it('a wait settles with what was seen, and fails as what it waits for does', () => {
  assert.equal(said(60_000, `until('tea', () => 'tea')`), 'tea')
  assert.equal(said(60_000, `within(Promise.resolve('tea'), 'tea')`), 'tea')
  assert.equal(said(60_000, `until('tea', () => { throw new Error('the pot is broken') })`), 'the pot is broken')
})
