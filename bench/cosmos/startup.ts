import { startEmulator, temporaryFolder } from '../../packages/cosmos/test/emulator.ts'
import { nodeAlone, percentile } from './endpoint.ts'

export interface Startup {
  /**
   * Medians in milliseconds: Node alone, and the emulator until it is ready with a new folder and with an
   * existing one.
   */
  readonly node: number
  readonly fresh: number
  readonly again: number
}

/**
 * The time from start to ready, with Node's compile cache of an earlier start. The very first start is slower.
 */
export async function benchStartup(rounds: number): Promise<Startup> {
  const node: number[] = []
  const fresh: number[] = []
  const again: number[] = []
  for (let round = 0; round < rounds; round++) {
    node.push(await nodeAlone())
    const folder = await temporaryFolder()
    fresh.push(await timeStart(folder.path))
    again.push(await timeStart(folder.path))
    await folder.remove()
  }
  return { node: percentile(node, 0.5), fresh: percentile(fresh, 0.5), again: percentile(again, 0.5) }
}

async function timeStart(folder: string): Promise<number> {
  const started = performance.now()
  const child = await startEmulator(folder)
  const ready = performance.now() - started
  await child.stop()
  return ready
}

export function printStartup({ node, fresh, again }: Startup): void {
  console.log(`\nstart to ready, ms: ${fresh.toFixed(0)} new, ${again.toFixed(0)} again; Node alone ${node.toFixed(0)}`)
}
