import { commandTo } from '../../azure-functions/commands.ts'
import { documentOf, documentsOf } from '../../azure-functions/queries.ts'
import { register } from '../../azure-functions/register.ts'
import { compose } from '../../compose.ts'
import { labelView, shelf, shelfView, shelves } from './shelves.ts'

const service = compose(shelves)
register(service, [
  { name: 'shelves', path: 'shelves', GET: documentsOf(service, shelfView) },
  { name: 'shelf', path: 'shelves/{id}', GET: documentOf(service, shelfView, 'id') },
  { name: 'shelf-command', path: 'shelves/{id}/{command}', POST: commandTo(service, shelf, ['label']) },
  { name: 'labels', path: 'labels', GET: documentsOf(service, labelView) },
  { name: 'label', path: 'labels/{label}', GET: documentOf(service, labelView, 'label') },
])
