import { queryPages, queryRows } from './rows.ts'
import { isItsItem, type Row, readPointer, type ViewSource, type ViewsWatch } from './source.ts'
import type { Fault } from './stream-check.ts'

// The ids of applied markers begin with `~`.
const WITHOUT_MARKERS = "FROM c WHERE NOT STARTSWITH(c.id, '~')"

/**
 * Checks that each item of a view's container is of a known kind, and of a generation that exists or existed.
 * Leftovers of an interrupted rebuild are no fault if nothing reads them: the next rebuild removes them.
 */
export async function checkItems(source: ViewSource, on: ViewsWatch): Promise<void> {
  const { view, container, isSound } = source
  if (!isSound) on.fault({ place: `${view.name} pointer`, wrong: 'changed', detail: 'it names no live generation' })
  on.begin((await queryRows<number>(container, `SELECT VALUE COUNT(1) ${WITHOUT_MARKERS}`))[0] ?? 0)
  let newest = Math.max(...source.named)
  for await (const page of queryPages<Row>(
    container,
    `SELECT c.id, c.pk, c.kind, c.generation, c.key ${WITHOUT_MARKERS}`,
  )) {
    for (const row of page) {
      // A rebuild may have started meanwhile.
      if (parseGeneration(row) > newest) newest = Math.max(newest, ...(await readPointer(container)).named)
      const wrong = findFault(row, newest)
      if (wrong) on.fault({ place: `${view.name} ${formatPlace(row)}`, ...wrong })
    }
    on.read(page.length)
  }
}

function parseGeneration({ pk }: Row): number {
  return Number(/^([1-9]\d*)\|/.exec(pk)?.[1] ?? 0)
}

function findFault(row: Row, newest: number): Pick<Fault, 'wrong' | 'detail'> | undefined {
  const { id, pk, kind, generation, key } = row
  // The pointer, the state of the last rebuild, and the code that has written each generation.
  if (pk === 'pointer' && ['pointer', 'rebuild', 'codes'].includes(id)) return undefined
  const owner = parseGeneration(row)
  const [, part] = pk.split('|', 2)
  if (owner === 0 || (part !== 'document' && part !== 'cursor') || id !== part)
    return { wrong: 'inserted', detail: 'a view has no such item' }
  if (owner > newest) return { wrong: 'inserted', detail: `it is of generation ${owner}, but the newest is ${newest}` }
  if (kind !== part) return { wrong: 'changed', detail: `its kind is ${JSON.stringify(kind) ?? 'missing'}` }
  if (part === 'document' && !isItsItem(row))
    return { wrong: 'changed', detail: `its fields name ${JSON.stringify(key)} of generation ${generation}` }
  return undefined
}

function formatPlace({ id, pk }: Row): string {
  return id === 'document' || id === 'cursor' ? pk : `${pk} ${id}`
}
