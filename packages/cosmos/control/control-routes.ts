import { answerBy, type Methods, noPath, ok } from '../../kit/control/control-methods.ts'
import { type Answer, Problem } from '../../kit/control/control-problem.ts'
import type { ControlRequest } from '../../kit/control/control-requests.ts'
import { checkMembers } from '../../kit/settings-check.ts'
import { Failure } from '../api/failure.ts'
import { readFaultSettings } from '../faults/fault-settings.ts'
import { Faults } from '../faults/faults.ts'
import { LaggingReplica } from '../faults/lagging-replica.ts'
import type { ControlContext } from './control-context.ts'
import { checkHealth, describeDatabase, describeFaults } from './control-views.ts'

/**
 * The map of the control endpoint.
 * @throws Problem, InvalidSettings
 */
export async function answer(context: ControlContext, request: ControlRequest): Promise<Answer> {
  try {
    return await answerBy(selectMethods(context, request), request.method)
  } catch (error) {
    if (error instanceof Failure) throw new Problem(error.status, error.message)
    throw error
  }
}

function selectMethods(context: ControlContext, { segments, body }: ControlRequest): Methods {
  const { catalog } = context.account
  switch (segments.map((segment, index) => (index % 2 === 1 ? '*' : segment)).join('/')) {
    case 'health':
      return { GET: () => checkHealth(context) }
    case 'faults':
      return buildFaultMethods(context, body)
    case 'databases':
      return {
        GET: () => ok({ databases: catalog.databases().map((database) => describeDatabase(context, database)) }),
      }
    case 'databases/*/containers/*/ranges/*/split':
      return {
        POST: async () => {
          if (body !== undefined) checkMembers(body, '', [])
          const [, database = '', , container = '', , range = ''] = segments
          const found = catalog.container(catalog.database(database), container)
          return ok({ ranges: await catalog.splitRange(found, range) })
        },
      }
  }
  throw noPath()
}

function buildFaultMethods(context: ControlContext, body: unknown): Methods {
  const applyFaults = (faults: Faults): Answer => {
    const { account } = context
    const replica = faults.haveLaggingReplica ? new LaggingReplica(account.store, faults) : undefined
    account.replica?.end()
    account.replica = replica
    context.faults = faults
    return ok(describeFaults(faults))
  }
  return {
    GET: () => ok(describeFaults(context.faults)),
    PUT: () => applyFaults(new Faults(readFaultSettings(body))),
    DELETE: () => applyFaults(Faults.none),
  }
}
