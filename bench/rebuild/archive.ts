import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CosmosClient } from '@azure/cosmos'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { type ArchiveEnd, EMPTY_ARCHIVE, SEGMENT_ITEMS, SegmentBuilder } from '../../packages/tidemark/core/archive.ts'
import type { Archive } from '../../packages/tidemark/core/ports.ts'
import { MemoryHub } from '../../packages/tidemark/test/support/memory-hub.ts'
import { rebuildAlone } from '../../packages/tidemark/test/support/rebuilding.ts'
import { orderTrail } from '../../src/customers/order-trail.ts'
import { makeItems } from './items.ts'
import { EVENTS_OF_ORDER, measure } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the emulator, how many orders, and the
// folder of the archive. The view is one over several services, because those are built from archives.

const [step, endpoint = '', orders = '0', folder = ''] = process.argv.slice(2)
const ORDERS_OF_SEGMENT = SEGMENT_ITEMS / EVENTS_OF_ORDER

/** An archive whose segments are files. */
const archive: Archive = {
  async create(number, bytes) {
    await writeFile(fileOf(number), bytes, { flag: 'wx' })
    return 'created'
  },
  has: async (number) => (await readdir(folder)).includes(formatNumber(number)),
  read: (number) => readFile(fileOf(number)),
  async *list(after) {
    for (const name of (await readdir(folder)).sort())
      if (Number(name) > after) yield { number: Number(name), bytes: (await readFile(join(folder, name))).byteLength }
  },
}
const formatNumber = (number: number): string => String(number).padStart(12, '0')
const fileOf = (number: number): string => join(folder, formatNumber(number))

async function fill(): Promise<void> {
  let end: ArchiveEnd = EMPTY_ARCHIVE
  for (let from = 0; from < Number(orders); from += ORDERS_OF_SEGMENT) {
    const segment = new SegmentBuilder()
    for (let number = from; number < Math.min(from + ORDERS_OF_SEGMENT, Number(orders)); number += 1)
      await segment.add(makeItems(number).map((item) => JSON.stringify(item)))
    const place = { continuation: String(from), newest: new Date().toISOString() }
    const { header, bytes } = await segment.seal('ordering', end, place)
    await archive.create(header.number, bytes)
    end = header
  }
}

async function rebuild(): Promise<void> {
  const client = new CosmosClient({ endpoint, key: EMULATOR_KEY })
  const { database } = await client.databases.createIfNotExists({ id: 'customers' })
  await database.containers.createIfNotExists({ id: orderTrail.name, partitionKey: '/pk', defaultTtl: -1 })
  const empty: Archive = { ...archive, async *list() {} }
  const list = () =>
    ['ordering', 'payments', 'shipping'].map((service) => {
      const its = service === 'ordering' ? archive : empty
      return { service, archive: its, openHub: () => new MemoryHub([]) }
    })
  console.log(JSON.stringify(await measure(() => rebuildAlone(database, orderTrail, [], list))))
  client.dispose()
}

await (step === 'fill' ? fill() : rebuild())
