import { fileURLToPath } from 'node:url'
import { startChild } from '../../packages/kit/child.ts'
import type { Contender } from './contender.ts'
import { startPostgreSql } from './postgresql.ts'

export const EMMETT = fileURLToPath(new URL('emmett/', import.meta.url))

/** How emmett's consumer pulls; empty means its defaults. */
export interface Pulling {
  readonly batchSize?: number
  readonly pullingFrequencyInMs?: number
}

/** Emmett on a PostgreSQL of its own. @param programs the folder of PostgreSQL's programs. */
export function emmett(name: string, pulling: Pulling, programs: string): Contender {
  return {
    name,
    async start() {
      const database = await startPostgreSql(programs)
      try {
        const server = await startChild(name, fileURLToPath(new URL('emmett/server.ts', import.meta.url)), {
          PEER_DATABASE: database.connectionString,
          PEER_PULLING: JSON.stringify(pulling),
        })
        const remove = async (): Promise<void> => {
          await server.stop()
          await database.remove()
        }
        return { base: server.address, remove }
      } catch (error) {
        await database.remove()
        throw error
      }
    },
  }
}
