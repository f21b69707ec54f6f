import { postCommand } from '../../azure-functions/commands.ts'
import { getDocument } from '../../azure-functions/queries.ts'
import { register } from '../../azure-functions/register.ts'
import { compose } from '../../compose.ts'
import { buildFleet } from './fleet.ts'

const { service, van, view } = buildFleet(process.env.FLEET_RELEASE ?? '')
const composed = compose(service)
register(composed, [
  { name: 'van', path: 'vans/{id}', GET: getDocument(composed, view, 'id') },
  { name: 'van-command', path: 'vans/{id}/{command}', POST: postCommand(composed, van, ['move', 'wash']) },
])
