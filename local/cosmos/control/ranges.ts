import { badRequest, notFound } from '../failure.ts'
import type { Container } from '../resources/catalog.ts'

/** The physical partitions of a container, as ranges of effective partition keys. */
export interface Ranges {
  rangesOf(container: Container): readonly {
    readonly id: string
    readonly minInclusive: string
    readonly maxExclusive: string
  }[]
  /**
   * Divides a range in two, as the service does when one holds too much.
   * @returns the ids of the new ranges.
   * @throws Failure 404 for a range that is not there, 400 for one that cannot be divided.
   */
  splitRange(container: Container, range: string): Promise<readonly string[]>
}

/** One range for all keys: this endpoint has one physical partition. */
export const ONE_RANGE: Ranges = {
  rangesOf: () => [{ id: '0', minInclusive: '', maxExclusive: 'FF' }],
  async splitRange(_, range) {
    throw range === '0' ? badRequest('the range cannot be divided') : notFound(`the range ${range}`)
  },
}
