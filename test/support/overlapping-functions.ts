import { documentOf } from '../../src/adapters/functions/queries.ts'
import { register } from '../../src/adapters/functions/register.ts'
import { compose } from '../../src/compose.ts'
import { orderView } from '../../src/services/ordering/order-view.ts'
import { ordering } from '../../src/services/ordering/service.ts'

/** An app that must not start: its route takes the path of a stream's state. */
const service = compose(ordering)
register(service, [{ name: 'order', path: 'streams/{id}/state', GET: documentOf(service, orderView, 'id') }])
