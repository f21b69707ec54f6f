import { answerBy, type Methods, noPath, ok } from '../../kit/control/control-methods.ts'
import { type Answer, Problem } from '../../kit/control/control-problem.ts'
import type { ControlRequest } from '../../kit/control/control-requests.ts'
import { membersOf } from '../../kit/settings-check.ts'
import { Failure } from '../api/failure.ts'
import { readFaultSettings } from '../faults/fault-settings.ts'
import { Faults } from '../faults/faults.ts'
import { LaggingReplica } from '../faults/lagging-replica.ts'
import { describeDatabase, describeFaults, healthOf } from './control-views.ts'
import type { Controlled } from './controlled.ts'

/**
 * The map of the control endpoint: which request does what.
 * @throws Problem, InvalidSettings
 */
export async function answer(controlled: Controlled, request: ControlRequest): Promise<Answer> {
  try {
    return await answerBy(methodsOf(controlled, request), request.method)
  } catch (error) {
    if (error instanceof Failure) throw new Problem(error.status, error.message)
    throw error
  }
}

function methodsOf(controlled: Controlled, { segments, body }: ControlRequest): Methods {
  const { catalog } = controlled.account
  switch (segments.map((segment, index) => (index % 2 === 1 ? '*' : segment)).join('/')) {
    case 'health':
      return { GET: () => healthOf(controlled) }
    case 'faults':
      return faultsOf(controlled, body)
    case 'databases':
      return {
        GET: () => ok({ databases: catalog.databases().map((database) => describeDatabase(controlled, database)) }),
      }
    case 'databases/*/containers/*/ranges/*/split':
      return {
        POST: async () => {
          if (body !== undefined) membersOf(body, '', [])
          const [, database = '', , container = '', , range = ''] = segments
          const found = catalog.container(catalog.database(database), container)
          return ok({ ranges: await catalog.splitRange(found, range) })
        },
      }
  }
  throw noPath()
}

function faultsOf(controlled: Controlled, body: unknown): Methods {
  const set = (faults: Faults): Answer => {
    const { account } = controlled
    const replica = faults.haveLaggingReplica ? new LaggingReplica(account.store, faults) : undefined
    account.replica?.end()
    account.replica = replica
    controlled.faults = faults
    return ok(describeFaults(faults))
  }
  return {
    GET: () => ok(describeFaults(controlled.faults)),
    PUT: () => set(new Faults(readFaultSettings(body))),
    DELETE: () => set(Faults.none),
  }
}
