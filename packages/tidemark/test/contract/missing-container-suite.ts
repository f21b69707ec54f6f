import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Container, ContainerDefinition, Database } from '@azure/cosmos'

/**
 * An operation of an adapter on a container that may not be there. Whatever it answers where the container is
 * there is right.
 */
export type OnContainer = (container: Container) => Promise<unknown>

/**
 * What every operation of a store must do that lacks its container: say so, and name it. A repeat works once
 * the container is there.
 */
export function missingContainerSuite(
  name: string,
  definition: Omit<ContainerDefinition, 'id' | 'partitionKey'> & { readonly partitionKey: string },
  openDatabase: () => Database,
  operations: Readonly<Record<string, OnContainer>>,
): void {
  describe(`a container that is missing: ${name}`, () => {
    for (const [operation, run] of Object.entries(operations))
      it(`${operation} says so, names it, and works once it is there`, async () => {
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
