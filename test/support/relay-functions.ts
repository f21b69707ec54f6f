import { app } from '@azure/functions'
import { commandTo } from '../../src/adapters/functions/commands.ts'
import { http } from '../../src/adapters/functions/http.ts'
import { relayOf } from '../../src/adapters/functions/triggers.ts'
import { compose } from '../../src/compose.ts'
import { functionNames } from '../../src/core/service.ts'
import { order } from '../../src/services/ordering/order.ts'
import { ordering } from '../../src/services/ordering/service.ts'

/** Orders are taken and published while every consumer is away. */
const service = compose(ordering)
app.http(
  'ordering-order-command',
  http('ordering/orders/{id}/{command}', { POST: commandTo(service, order, ['place', 'cancel']) }),
)
app.cosmosDB(functionNames(ordering).relay, relayOf(service))
