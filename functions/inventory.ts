import '../src/adapters/functions/node-version.ts'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { register } from '../src/adapters/functions/register.ts'
import { compose } from '../src/compose.ts'
import { inventory } from '../src/services/inventory/service.ts'
import { stock } from '../src/services/inventory/stock.ts'
import { stockLevel } from '../src/services/inventory/stock-level.ts'

const service = compose(inventory)

// Commands and queries. The rest follows from the service's declaration: the history of its streams, its relay, its projection, its reactions, and
// its periodic work.
register(service, [
  { name: 'stock', path: 'stock', GET: documentsOf(service, stockLevel) },
  { name: 'stock-of-product', path: 'stock/{id}', GET: documentOf(service, stockLevel, 'id') },
  { name: 'stock-command', path: 'stock/{id}/{command}', POST: commandTo(service, stock, ['receive', 'adjust']) },
])
