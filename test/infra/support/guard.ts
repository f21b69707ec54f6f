import { RightsGuard } from '../../support/rights-guard.ts'
import { deployed } from './deployed.ts'
import { cell, roleMatrix } from './role-matrix.ts'

const { allowed } = roleMatrix(deployed('prod'), 'nobody')

/** Guards a Cosmos DB emulator with the rights that production assigns to a service. The caller stops it. */
export const guardAs = (service: string, connectionString: string): Promise<RightsGuard> =>
  RightsGuard.start(connectionString, ({ action, what }) => allowed.has(cell(service, action, what)))
