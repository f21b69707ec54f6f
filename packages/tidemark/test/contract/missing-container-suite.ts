import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Container, ContainerDefinition, Database } from '@azure/cosmos'

/**
 * An operation of an adapter on a container that may be missing. Any result is right when the container
 * exists.
 */
export type OnContainer = (container: Container) => Promise<unknown>

/** Every operation of a store must name a missing container, and must work once the container exists. */
export function missingContainerSuite(
  name: string,
  definition: Omit<ContainerDefinition, 'id' | 'partitionKey'> & { readonly partitionKey: string },
  openDatabase: () => Database,
  operations: Readonly<Record<string, OnContainer>>,
): void {
  describe(`a missing container: ${name}`, () => {
    for (const [operation, run] of Object.entries(operations))
      it(`${operation} names it, and works once it exists`, async () => {
        const container = openDatabase().container(`missing-${randomUUID()}`)
        for (const _ of ['first', 'again'])
          await assert.rejects(
            run(container),
            (error: Error & { code?: string; retriable?: boolean }) =>
              error.code === 'container-missing' &&
              error.retriable === true &&
              error.message.includes(`${container.database.id}/${container.id}`),
          )
        await openDatabase().containers.create({ ...definition, id: container.id })
        await run(container)
      })
  })
}
