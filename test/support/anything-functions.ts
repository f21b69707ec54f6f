import { commandTo } from '../../src/adapters/functions/commands.ts'
import { documentOf } from '../../src/adapters/functions/queries.ts'
import { register } from '../../src/adapters/functions/register.ts'
import { compose } from '../../src/compose.ts'
import { anything, thing, thingView } from './anything.ts'

const service = compose(anything)
register(service, [
  { name: 'thing', path: 'things/{id}', GET: documentOf(service, thingView, 'id') },
  { name: 'thing-command', path: 'things/{id}/{command}', POST: commandTo(service, thing, ['keep']) },
])
