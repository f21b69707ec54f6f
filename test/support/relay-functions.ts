import { app } from '@azure/functions'
import { compose } from 'tidemark/azure-functions'
import { commandTo } from '../../packages/tidemark/azure-functions/commands.ts'
import { http } from '../../packages/tidemark/azure-functions/http.ts'
import { relayOf } from '../../packages/tidemark/azure-functions/triggers.ts'
import { functionNames } from '../../packages/tidemark/core/service.ts'
import { order } from '../../src/ordering/order.ts'
import { ordering } from '../../src/ordering/service.ts'

/** Orders are taken and published while every consumer is away. */
const service = compose(ordering)
app.http(
  'ordering-order-command',
  http('ordering/orders/{id}/{command}', { POST: commandTo(service, order, ['place', 'cancel']) }),
)
app.cosmosDB(functionNames(ordering).relay, relayOf(service))
