import { receiveEvents, sendEvents } from './raw-client.ts'
import { sdkConsume, sdkEndToEnd, sdkProduce } from './sdk-client.ts'

/** The jobs of a client process. Options and results are passed as JSON. */
export const jobs = { sendEvents, receiveEvents, sdkProduce, sdkConsume, sdkEndToEnd }

export type Jobs = typeof jobs

if (process.send)
  process.on('message', ({ job, options }: { job: keyof Jobs; options: never }) => {
    jobs[job](options).then(
      (result: unknown) => process.send?.({ result }),
      (error: unknown) => process.send?.({ failed: error instanceof Error ? error.stack : String(error) }),
    )
  })
