import { resolve } from 'node:path'
import { StartError } from '../kit/errors.ts'
import { run } from '../kit/lifecycle.ts'
import { startCosmos } from './server.ts'

/** The key that the vendor publishes for its emulator: https://learn.microsoft.com/azure/cosmos-db/emulator */
const KEY = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=='

await run(async () => {
  const port = Number(process.env.TIDEMARK_COSMOS_PORT ?? 8081)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new StartError('TIDEMARK_COSMOS_PORT is a port, 0 to 65535')
  const dataDir = process.env.TIDEMARK_COSMOS_DATA
  if (!dataDir) throw new StartError('set TIDEMARK_COSMOS_DATA to a folder')
  return startCosmos({ port, dataDir: resolve(dataDir), key: KEY })
})
