import { getPostgreSQLEventStore, rebuildPostgreSQLProjections } from '@event-driven-io/emmett-postgresql'
import { pongoClient } from '@event-driven-io/pongo'
import { makeOrder, measure } from '../../rebuild/orders.ts'
import { COLLECTION, orders, type PeerDocument, type PeerEvent, streamOf } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the database, and how many orders.

const [step, connectionString = '', count = '0'] = process.argv.slice(2)

/** One transaction after the other: the projector passes over events of concurrent ones (bench/README.md). */
async function fill(): Promise<void> {
  const store = getPostgreSQLEventStore(connectionString)
  await store.schema.migrate()
  for (let number = 0; number < Number(count); number += 1) {
    const { id, events } = makeOrder(number)
    await store.appendToStream(streamOf(id), events as unknown as PeerEvent[])
  }
  await store.close()
}

async function rebuild(): Promise<{ readonly seconds: number; readonly documents: number }> {
  const started = performance.now()
  await rebuildPostgreSQLProjections({ connectionString, projection: orders }).start()
  const seconds = (performance.now() - started) / 1000
  const client = pongoClient(connectionString)
  const documents = Number(await client.db().collection<PeerDocument>(COLLECTION).countDocuments())
  await client.close()
  return { seconds, documents }
}

if (step === 'fill') await fill()
else console.log(JSON.stringify(await measure(rebuild)))
process.exit(0)
