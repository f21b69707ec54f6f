import { postCommand } from '../../azure-functions/commands.ts'
import { getDocument } from '../../azure-functions/queries.ts'
import { register } from '../../azure-functions/register.ts'
import { compose } from '../../compose.ts'
import { anything, thing, thingView } from './anything.ts'

const service = compose(anything)
register(service, [
  { name: 'thing', path: 'things/{id}', GET: getDocument(service, thingView, 'id') },
  { name: 'thing-command', path: 'things/{id}/{command}', POST: postCommand(service, thing, ['keep']) },
])
