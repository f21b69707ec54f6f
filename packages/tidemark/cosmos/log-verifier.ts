import type { Container } from '@azure/cosmos'
import type { Checked, Finding, LogVerifier } from '../core/ports.ts'
import { verifyLog } from '../verify/log.ts'
import { queryItems } from './bounded.ts'
import { readError } from './client.ts'

/** Verifies the log in its Cosmos DB container. */
export class CosmosLogVerifier implements LogVerifier {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async count(): Promise<number> {
    return (await queryItems<number>(this.#container, { query: 'SELECT VALUE COUNT(1) FROM c' }))[0] ?? 0
  }

  async verify(
    after: string | undefined,
    isEnough: (findings: number) => boolean,
  ): Promise<{ readonly checked: Checked; readonly findings: readonly Finding[]; readonly next?: string }> {
    const findings: Finding[] = []
    const on = { progress() {}, fault: (finding: Finding) => void findings.push(finding) }
    const part = { isEnough: () => isEnough(findings.length), ...(after === undefined ? {} : { after }) }
    try {
      const { next, ...checked } = await verifyLog(this.#container, on, part)
      return { checked, findings, ...(next === undefined ? {} : { next }) }
    } catch (error) {
      throw readError(error, this.#container)
    }
  }
}
