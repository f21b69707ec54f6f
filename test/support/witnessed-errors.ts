import assert from 'node:assert/strict'
import { type Decision, isRefusal } from 'tidemark'
import type { Answer } from '../../packages/cli/demo/client.ts'
import { type DocumentedError, documentedErrors } from './documented-errors.ts'

/**
 * The codes that were really produced. A code counts once an answer, a log line or a decider's refusal has
 * been compared with its row of docs/errors.md.
 */
export class WitnessedErrors {
  readonly documented = documentedErrors()
  readonly #seen = new Set<string>()

  /** Compares an answer with RFC 9457 and with the row of the expected code. */
  answer(code: string, { status, headers, body }: Answer): void {
    const row = this.#row(code)
    assert.deepEqual([status, body?.code], [row.status, code], JSON.stringify(body))
    assert.equal(headers.get('content-type'), 'application/problem+json')
    assert.deepEqual(
      { type: body.type, title: body.title, status: body.status },
      { type: `urn:tidemark:problem:${code}`, title: code.replaceAll('-', ' '), status },
    )
    assert.ok(typeof body.detail === 'string' && body.detail.length > 0)
    if (row.again) assert.match(headers.get('retry-after') ?? 'none', /^[1-9]\d*$/)
    else assert.equal(headers.get('retry-after'), null)
    this.#seen.add(body.code)
  }

  /** Compares a log line of the functions with the row of the expected code, which must have no answer. */
  logLine(code: string, line: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer, so check that`)
    const [, found = ''] = / (?:is held|cannot process [^:]*|is parked): ([a-z-]+): ./.exec(line) ?? []
    assert.equal(found, code, line)
    this.#seen.add(found)
  }

  /** Compares the last line of a command with the row of the expected code, which must have no answer. */
  commandLine(code: string, output: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer, so check that`)
    const [, found = ''] = /^([a-z-]+): ./.exec(output.trimEnd().split('\n').at(-1) ?? '') ?? []
    assert.equal(found, code, output)
    this.#seen.add(found)
  }

  /**
   * Compares the line of functions that do not start with the row of the expected code, which must have no answer.
   */
  startLine(code: string, line: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer, so check that`)
    const [, found = ''] = /^[^\n]+ \(([a-z-]+)\)$/.exec(line) ?? []
    assert.equal(found, code, line)
    this.#seen.add(found)
  }

  /** Compares a decision of a service's decider with the row of the expected refusal. */
  refusal(service: string, code: string, decision: Decision<unknown>): void {
    assert.equal(this.#row(code).service, service)
    assert.ok(isRefusal(decision), `not refused: ${JSON.stringify(decision)}`)
    assert.equal(decision.code, code)
    this.#seen.add(decision.code)
  }

  /**
   * Asserts that the seen codes are exactly the documented ones.
   * @param services whose refusals are produced here. Other services test their own. @returns their number.
   */
  assertComplete(services: ReadonlySet<string>): number {
    const meant = [...this.documented.values()].filter(({ service }) => service === undefined || services.has(service))
    assert.deepEqual([...this.#seen].toSorted(), meant.map(({ code }) => code).toSorted())
    assert.ok(this.#seen.size > 0)
    return this.#seen.size
  }

  #row(code: string): DocumentedError {
    const row = this.documented.get(code)
    assert.ok(row, `${code} is not in docs/errors.md`)
    return row
  }
}
