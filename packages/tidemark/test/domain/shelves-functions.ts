import { postCommand } from '../../azure-functions/commands.ts'
import { getDocument, listDocuments } from '../../azure-functions/queries.ts'
import { register } from '../../azure-functions/register.ts'
import { compose } from '../../compose.ts'
import { labelView, shelf, shelfView, shelves } from './shelves.ts'

const service = compose(shelves)
register(service, [
  { name: 'shelves', path: 'shelves', GET: listDocuments(service, shelfView) },
  { name: 'shelf', path: 'shelves/{id}', GET: getDocument(service, shelfView, 'id') },
  { name: 'shelf-command', path: 'shelves/{id}/{command}', POST: postCommand(service, shelf, ['label']) },
  { name: 'labels', path: 'labels', GET: listDocuments(service, labelView) },
  { name: 'label', path: 'labels/{label}', GET: getDocument(service, labelView, 'label') },
])
