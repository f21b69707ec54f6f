import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { renameIn } from '../../upgrade/codemod.ts'

const rename = { version: '0.2.0', module: 'tidemark', name: 'old', to: 'fresh' }
const renamed = (text: string): string => renameIn(text, 'a.ts', rename).text

/** Sources before and after; without the second, the source stays unchanged. */
const cases: Readonly<Record<string, readonly (readonly [before: string, after?: string])[]>> = {
  'leaves another thing of the same name': [
    ["import { old } from 'other'; old()"],
    ["import { old } from 'tidemark/testing'; old()"],
    ["import { old } from './tidemark'; old()"],
    ["import { older } from 'tidemark'; const old = older; old()"],
    ["const old = 1; const text = 'old'; // old\nx.old(old)"],
    ["import old from 'tidemark'; old()"],
  ],
  'leaves a local of the same name that hides the import': [
    [
      "import { old } from 'tidemark'; old(); function f(old: number) { return old }",
      "import { fresh } from 'tidemark'; fresh(); function f(old: number) { return old }",
    ],
    [
      "import { old } from 'tidemark'; { const old = 1; use(old, { old }) } use(old)",
      "import { fresh } from 'tidemark'; { const old = 1; use(old, { old }) } use(fresh)",
    ],
    [
      "import { old } from 'tidemark'; type T<old> = old[]; type U = old",
      "import { fresh } from 'tidemark'; type T<old> = old[]; type U = fresh",
    ],
    [
      "import * as t from 'tidemark'; t.old(); function f(t: { old(): void }) { t.old() }",
      "import * as t from 'tidemark'; t.fresh(); function f(t: { old(): void }) { t.old() }",
    ],
  ],
  'leaves members of the same name': [
    [
      "import { old } from 'tidemark'; class C { old() { return old(this.old, x?.old) } }",
      "import { fresh } from 'tidemark'; class C { old() { return fresh(this.old, x?.old) } }",
    ],
    [
      "import { old } from 'tidemark'; use({ old: old, [old]: 1 })",
      "import { fresh } from 'tidemark'; use({ old: fresh, [fresh]: 1 })",
    ],
  ],
  'renames an import and its uses, as values and as types': [
    [
      "import { a, old, b } from 'tidemark'\nold(a, old)\nconst x: old<typeof old> = b",
      "import { a, fresh, b } from 'tidemark'\nfresh(a, fresh)\nconst x: fresh<typeof fresh> = b",
    ],
    ["import type { old } from 'tidemark'; let x: old", "import type { fresh } from 'tidemark'; let x: fresh"],
    ["import { type old } from 'tidemark'; let x: old", "import { type fresh } from 'tidemark'; let x: fresh"],
    ["import { old } from 'tidemark'; f(() => old`x`)", "import { fresh } from 'tidemark'; f(() => fresh`x`)"],
    ["import { old } from 'tidemark'; export default old", "import { fresh } from 'tidemark'; export default fresh"],
  ],
  'keeps the name that an import has here': [
    ["import { old as x } from 'tidemark'; x()", "import { fresh as x } from 'tidemark'; x()"],
    ["import { old as fresh } from 'tidemark'; fresh()", "import { fresh } from 'tidemark'; fresh()"],
  ],
  'keeps the name of a shorthand property': [
    ["import { old } from 'tidemark'; use({ old })", "import { fresh } from 'tidemark'; use({ old: fresh })"],
  ],
  'keeps what a source exports': [
    ["export { old } from 'tidemark'", "export { fresh as old } from 'tidemark'"],
    ["export { old as x } from 'tidemark'", "export { fresh as x } from 'tidemark'"],
    ["export { old as fresh } from 'tidemark'", "export { fresh } from 'tidemark'"],
    ["export type { old } from 'tidemark'", "export type { fresh as old } from 'tidemark'"],
    ["import { old } from 'tidemark'; export { old }", "import { fresh } from 'tidemark'; export { fresh as old }"],
    ["import { old } from 'tidemark'; export { old as x }", "import { fresh } from 'tidemark'; export { fresh as x }"],
    ["export * from 'tidemark'"],
  ],
  'keeps using the old name if the new one is taken': [
    [
      "import { old } from 'tidemark'; const fresh = 1; old(fresh)",
      "import { fresh as old } from 'tidemark'; const fresh = 1; old(fresh)",
    ],
    ["import { old, fresh } from 'tidemark'; old(fresh)", "import { fresh as old, fresh } from 'tidemark'; old(fresh)"],
    [
      "import { old } from 'tidemark'; f((fresh) => old(fresh))",
      "import { fresh as old } from 'tidemark'; f((fresh) => old(fresh))",
    ],
  ],
  'renames members of the whole module': [
    [
      "import * as t from 'tidemark'; t.old(t['old']); let x: t.old; const { old, a } = t; const { old: y } = t",
      "import * as t from 'tidemark'; t.fresh(t['fresh']); let x: t.fresh; const { fresh: old, a } = t; " +
        'const { fresh: y } = t',
    ],
    ["import t = require('tidemark'); t.old()", "import t = require('tidemark'); t.fresh()"],
    ["const { old } = await import('tidemark'); old()", "const { fresh: old } = await import('tidemark'); old()"],
    ["(await import('tidemark')).old()", "(await import('tidemark')).fresh()"],
    ["let x: import('tidemark').old", "let x: import('tidemark').fresh"],
    ["(await import('other')).old(); let x: import('other').old"],
  ],
}

describe('a renamed public name', () => {
  for (const [what, sources] of Object.entries(cases))
    it(`${what}: ${sources.length} sources`, () => {
      for (const [before, after = before] of sources) assert.equal(renamed(before), after)
    })

  it('is renamed once: a second run changes nothing', (t) => {
    const all = Object.values(cases).flat()
    for (const [before, after = before] of all) assert.equal(renamed(after), after, before)
    t.diagnostic(`${all.length} sources`)
    assert.ok(all.length > 30)
  })

  it('keeps every other character, in files of each kind, and counts the places', () => {
    const source = "#!/usr/bin/env node\r\n\timport { old } from 'tidemark' // old\r\n\r\nold  ( 'é😀', old)\r\n"
    for (const file of ['src/a.ts', 'a.mts', 'a.cts', 'a.tsx'])
      assert.deepEqual(renameIn(source, file, rename), {
        text: "#!/usr/bin/env node\r\n\timport { fresh } from 'tidemark' // old\r\n\r\nfresh  ( 'é😀', fresh)\r\n",
        places: 3,
      })
  })

  it('is renamed in a source that does not compile', () =>
    assert.equal(
      renamed("import { old } from 'tidemark'; old(1; missing("),
      "import { fresh } from 'tidemark'; fresh(1; missing(",
    ))
})
