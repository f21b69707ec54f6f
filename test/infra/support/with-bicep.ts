import * as test from 'node:test'
import { type Bicep, findBicep, NoDotnet } from '../../../packages/cli/infra/bicep.ts'

/**
 * The Bicep CLI, searched once per test file. On a machine that can neither find nor restore it, the tests
 * that need it are skipped and counted. In CI they fail, so that every merged change is tested.
 */
const found = await findBicep().catch((error: unknown) => {
  if (error instanceof NoDotnet && !process.env.CI) return error
  throw error
})
const why = found instanceof NoDotnet ? found.message : undefined

/** Without the CLI nothing uses this: see the hooks and tests below. */
export const bicep = found as Bicep

let leftOut = 0
const skip = (name: string, _: unknown): void => {
  leftOut++
  void test.it(name, { skip: why ?? true })
}

/** The hooks and tests of node:test, for tests that need the Bicep CLI. */
export const it: (name: string, run: (t: test.TestContext) => void | Promise<void>) => void =
  why === undefined ? test.it : skip
export const before: (run: () => void | Promise<void>) => void = why === undefined ? test.before : () => {}
export const after: typeof before = why === undefined ? test.after : () => {}

if (why !== undefined) process.once('exit', () => console.log(`# LEFT OUT: ${leftOut} tests of infra/: ${why}`))
