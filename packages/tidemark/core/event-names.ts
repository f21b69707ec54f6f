import type { EventType } from './event.ts'

/**
 * The faults of a list of event types that is read together, one line each; empty if there are none.
 * - A name stands for two types: another declaration has it, or had it.
 * - An ended type is read as a type that is not in the list, so its events would be lost.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, retired } from 'tidemark'
 * import { findEventFaults } from 'tidemark/tools'
 * import * as z from 'zod'
 *
 * const Relocated = eventType('Relocated', z.object({})).formerly('Moved')
 * assert.deepEqual(findEventFaults('the decider entry', [Relocated, retired('Moved')]), [
 *   'the decider entry: Moved is another name of Relocated, and of another event type',
 * ])
 * ```
 * @param reader what has the list, such as `the decider order`.
 */
export function findEventFaults(reader: string, types: readonly EventType[]): readonly string[] {
  const distinct = [...new Set(types)]
  const names = new Set(distinct.map(({ name }) => name))
  const claims = distinct.flatMap((type) => [...type.formerNames, ...type.comingNames].map((name) => ({ name, type })))
  const isTaken = ({ name, type }: (typeof claims)[number]): boolean =>
    names.has(name) || claims.some((other) => other.name === name && other.type !== type)
  return [
    ...claims
      .filter(isTaken)
      .map(({ name, type }) => `${reader}: ${name} is another name of ${type.name}, and of another event type`),
    ...distinct.flatMap(({ name, ending }) =>
      (ending?.into ?? [])
        .filter((type) => !names.has(type.name))
        .map((type) => `${reader}: ${name} is read as ${type.name}: list that event type too`),
    ),
  ]
}
