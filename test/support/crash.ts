/**
 * Loaded before the functions (`--import`). It kills the process with SIGKILL right after the n-th call of a
 * step has taken effect. Only the steps named here are wrapped; the rest of the framework is unchanged.
 *
 * TIDEMARK_TEST_CRASH is `<point>:<n>`. TIDEMARK_TEST_CRASH_LOG is a file to which the point is appended.
 */
import { appendFileSync } from 'node:fs'

const framework = new URL('../../packages/tidemark/', import.meta.url)
const { CosmosEventStore } = await import(new URL('cosmos/event-store.ts', framework).href)
const { CosmosProgress } = await import(new URL('cosmos/progress.ts', framework).href)
const { CosmosSchedule } = await import(new URL('cosmos/schedule.ts', framework).href)
const { CosmosViewStore } = await import(new URL('cosmos/view-store.ts', framework).href)
const { EventHubsPublisher } = await import(new URL('event-hubs/publisher.ts', framework).href)

const steps = {
  'after append': [CosmosEventStore, 'append'],
  'after send, before the lease': [EventHubsPublisher, 'publish'],
  'after a multi-stream document, before the cursor': [CosmosViewStore, 'writeWithMarkers'],
  'after the cursor, before the checkpoint': [CosmosViewStore, 'writeDocument'],
  'after the progress': [CosmosProgress, 'write'],
  'after a command is scheduled': [CosmosSchedule, 'add'],
  'after due commands were read': [CosmosSchedule, 'due'],
} as const

export type CrashPoint = keyof typeof steps

const [point = '', count = ''] = (process.env.TIDEMARK_TEST_CRASH ?? '').split(':')
const step = steps[point as CrashPoint]
if (step === undefined || !(Number(count) > 0)) throw new Error(`no such crash point: ${point}:${count}`)
const [adapter, method] = step
const original = adapter.prototype[method]
let calls = 0
function took(): void {
  calls += 1
  if (calls < Number(count)) return
  appendFileSync(process.env.TIDEMARK_TEST_CRASH_LOG ?? '', `${point}\n`)
  process.kill(process.pid, 'SIGKILL')
}
adapter.prototype[method] =
  method === 'due'
    ? async function* crashing(this: unknown, ...args: unknown[]) {
        // The first page shows what is due, or that nothing is.
        const pages = original.apply(this, args)[Symbol.asyncIterator]()
        let page = await pages.next()
        for (took(); !page.done; page = await pages.next()) yield page.value
      }
    : async function crashing(this: unknown, ...args: unknown[]) {
        const result = await original.apply(this, args)
        took()
        return result
      }
