import type { Container } from '@azure/cosmos'
import type { RelayLeases } from '../core/ports.ts'
import { queryItems } from './bounded.ts'
import { removeItem } from './items.ts'

/** The leases of a relay, as the host of Azure Functions keeps them: one for each range of partition keys. */
export class CosmosRelayLeases implements RelayLeases {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async count(): Promise<number> {
    return (await this.#ids()).length
  }

  async clear(): Promise<void> {
    // The container's partition key is the id.
    for (const id of await this.#ids()) await removeItem(this.#container, { id, pk: id })
  }

  #ids(): Promise<readonly string[]> {
    return queryItems<string>(this.#container, { query: 'SELECT VALUE c.id FROM c' })
  }
}
