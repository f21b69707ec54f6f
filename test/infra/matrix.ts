import { services } from '../../packages/cli/project/config.ts'
import { finds, netsFor } from './rules/nets.ts'
import { deployed, shapes } from './support/deployed.ts'
import { changes, deletions } from './support/mutations.ts'

// `node test/infra/matrix.ts`: which rules find which deletions and changed values, of every kind and shape. A
// rule that finds nothing alone may be superfluous. docs/decisions/0040-nets-over-the-template.md has the
// result. It takes half a minute of processor time.

const all = new Map<string, number>()
const alone = new Map<string, number>()
const add = (counts: Map<string, number>, name: string): unknown => counts.set(name, (counts.get(name) ?? 0) + 1)
let [mutations, found] = [0, 0]
for (const shape of shapes) {
  const rules = netsFor(services, shape)
  for (const { mutated } of [...deletions(deployed(shape)), ...changes(deployed(shape))]) {
    const finders = rules.filter((rule) => finds(rule, mutated))
    mutations++
    if (finders.length > 0) found++
    for (const { name } of finders) add(all, name)
    const [only] = finders
    if (finders.length === 1 && only !== undefined) add(alone, only.name)
  }
}
console.log(`${found} of ${mutations} mutations are found\n\n| rule | finds | alone |\n| --- | --: | --: |`)
for (const { name } of netsFor(services, 'prod'))
  console.log(`| ${name} | ${all.get(name) ?? 0} | ${alone.get(name) ?? 0} |`)
