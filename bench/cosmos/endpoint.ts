import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Container, CosmosClient } from '@azure/cosmos'
import { startEmulator, temporaryFolder } from '../../packages/cosmos/test/emulator.ts'
import type { Child } from '../../packages/kit/child.ts'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'

/** The emulator in a process and a folder of its own, and a client of it. */
export interface BenchedEndpoint {
  readonly child: Child
  newContainer(id: string): Promise<Container>
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

export async function startBenchedEndpoint(): Promise<BenchedEndpoint> {
  const folder = await temporaryFolder()
  const child = await startEmulator(folder.path)
  const client = new CosmosClient({ endpoint: child.address, key: EMULATOR_KEY })
  const { database } = await client.databases.createIfNotExists({ id: 'd' })
  return {
    child,
    async newContainer(id) {
      return (await database.containers.create({ id, partitionKey: '/pk' })).container
    },
    async remove() {
      client.dispose()
      await child.stop()
      await folder.remove()
    },
  }
}

/** The time that Node needs to run nothing, in milliseconds. */
export async function nodeAlone(): Promise<number> {
  const started = performance.now()
  await once(spawn(process.execPath, ['-e', '']), 'exit')
  return performance.now() - started
}

/** @returns the value below which this share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
