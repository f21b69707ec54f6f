/**
 * Loaded into the functions' process before them (`--import`). It records when each step of the path began
 * and ended, for every event, on one clock. It writes all records to TIDEMARK_TEST_HOPS when the process is
 * asked to end. Only the calls named here are wrapped; the rest of the framework is unchanged.
 */
import { writeFileSync } from 'node:fs'

const framework = new URL('../packages/tidemark/', import.meta.url)
const { CosmosEventStore } = await import(new URL('cosmos/event-store.ts', framework).href)
const { CosmosViewStore } = await import(new URL('cosmos/view-store.ts', framework).href)
const { EventHubsPublisher } = await import(new URL('event-hubs/publisher.ts', framework).href)

/** [step, stream, first version, last version, begin, end] in milliseconds of this process. */
const notes: [string, string, number, number, number, number][] = []

interface Step {
  // biome-ignore lint/suspicious/noExplicitAny: an adapter's class.
  readonly adapter: any
  readonly method: string
  /** The stream and the versions of a call. */
  // biome-ignore lint/suspicious/noExplicitAny: the arguments of the wrapped method.
  about(...args: any[]): [string, number, number]
}

const steps: Record<string, Step> = {
  append: {
    adapter: CosmosEventStore,
    method: 'append',
    // Receipts alone have no version.
    about: (_, entries: { stream: string; events?: { version: number }[] }[]) => {
      const versions = entries.flatMap(({ events = [] }) => events.map(({ version }) => version))
      return [entries[0]?.stream ?? '', versions[0] ?? 0, versions.at(-1) ?? 0]
    },
  },
  send: {
    adapter: EventHubsPublisher,
    method: 'publish',
    about: (stream, events) => [stream, events[0].version, events.at(-1).version],
  },
  view: { adapter: CosmosViewStore, method: 'writeDocument', about: (key, _, cursor) => [key, 0, cursor.version] },
}

for (const [name, { adapter, method, about }] of Object.entries(steps)) {
  const original = adapter.prototype[method]
  adapter.prototype[method] = async function timed(...args: unknown[]) {
    const begin = performance.now()
    const result = await original.apply(this, args)
    notes.push([name, ...about(...args), begin, performance.now()])
    return result
  }
}

process.on('exit', () => writeFileSync(process.env.TIDEMARK_TEST_HOPS ?? '', JSON.stringify(notes)))
