import assert from 'node:assert/strict'
import type { Container } from '@azure/cosmos'
import { checkViews } from '../../packages/cli/demo/check.ts'
import { runWorkload } from '../../packages/cli/demo/workload.ts'
import { Command } from '../../packages/test-support/command.ts'
import type { System } from './system.ts'

const SEED = 11

/** A view's pointer item. */
interface Pointer {
  readonly live: number
  readonly previous?: { readonly generation: number }
  readonly building?: number
  readonly written?: readonly number[]
}

/**
 * Rebuilds on a running system: the command, the items in the views' containers, and what was promised to customers.
 */
export class Replays {
  readonly #system: System
  readonly #positions = new Set<string>()

  constructor(system: System) {
    this.#system = system
  }

  command(...args: readonly string[]): Command {
    const { http, cosmos } = this.#system.ports
    return new Command('packages/cli/replay.ts', args, {
      TIDEMARK_HTTP_PORT: String(http),
      TIDEMARK_COSMOS_PORT: String(cosmos),
    })
  }

  container(view: string): Container {
    return this.#system.log.database.container(view)
  }

  async pointer(view: string): Promise<Pointer> {
    const { resource } = await this.container(view).item('pointer', 'pointer').read<Pointer>()
    return resource ?? { live: 1 }
  }

  /** The generations of a view that have items. */
  async generations(view: string): Promise<number[]> {
    const { resources } = await this.container(view).items.query<string>('SELECT VALUE c.pk FROM c').fetchAll()
    const numbers = resources.filter((pk) => pk !== 'pointer').map((pk) => Number.parseInt(pk, 10))
    return [...new Set(numbers)].toSorted((a, b) => a - b)
  }

  async customers(orders: number, run: string): Promise<void> {
    const seen = await runWorkload(this.#system.client, { orders, seed: SEED, concurrency: 4, run }, () => {})
    assert.deepEqual(seen.surprises, [])
    for (const position of seen.positions) this.#positions.add(position)
  }

  async differences(): Promise<readonly string[]> {
    const result = await checkViews(this.#system.client, this.#system.log, this.#positions)
    assert.ok(result.orders > 0 && result.products > 0 && result.events > 0 && this.#positions.size > 0)
    return result.differences
  }

  async assertEqualToLog(): Promise<void> {
    assert.deepEqual(await this.differences(), [])
  }
}
