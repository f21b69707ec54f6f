import { formatHealth } from '../../kit/control/control-methods.ts'
import type { Answer } from '../../kit/control/control-problem.ts'
import { Faults } from '../faults/faults.ts'
import type { Container, Database } from '../resources/catalog.ts'
import type { Store } from '../store/store.ts'
import type { ControlContext } from './control-context.ts'

// What the control endpoint answers.

/** Whether clients can connect and the data file can be read. */
export function checkHealth({ account, listening }: ControlContext): Answer {
  return formatHealth([...(listening ? [] : ['no connections are accepted']), ...listFailures(account.store)])
}

function listFailures(store: Store): readonly string[] {
  try {
    store.prepare('SELECT value FROM counters').all()
    return []
  } catch (error) {
    return [`the data file cannot be read: ${(error as Error).message}`]
  }
}

export function describeDatabase(context: ControlContext, database: Database): unknown {
  const containers = context.account.catalog.containers(database)
  return { id: database.id, containers: containers.map((container) => describeContainer(context, container)) }
}

function describeContainer({ account }: ControlContext, container: Container): unknown {
  return {
    id: container.id,
    partitionKey: container.settings.partitionKey.paths,
    ranges: container.ranges.map(({ id, min, max }) => ({ id, minInclusive: min, maxExclusive: max })),
    items: countItems(account.store, container),
  }
}

/** Ignores expired items, swept or not. */
function countItems(store: Store, { number }: Container): number {
  const count = (condition: string, ...values: number[]): number =>
    Number(store.prepare(`SELECT count(*) AS n FROM items WHERE container = ?${condition}`).get(number, ...values)?.n)
  return count('') - count(' AND expires <= ?', Date.now() / 1000)
}

export function describeFaults(faults: Faults): unknown {
  return { settings: faults === Faults.none ? null : faults.settings, counts: faults.counts }
}
