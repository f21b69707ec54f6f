import assert from 'node:assert/strict'
import { type Decision, isRefusal } from 'tidemark'
import type { Answer } from '../../packages/cli/demo/client.ts'
import { type DocumentedError, documentedErrors } from './documented-errors.ts'

/**
 * The codes that were really produced. Each is taken from what came out, an answer, a line of a log or a
 * refusal of a decider, after that was held against its row of docs/errors.md: to name a code does not count,
 * nor does a case that did not run.
 */
export class WitnessedErrors {
  readonly documented = documentedErrors()
  readonly #seen = new Set<string>()

  /** Holds an answer against RFC 9457 and the row of the code that it should have. */
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

  /** Holds a line of the functions' log against the row of the code that it should name: one that no answer has. */
  logLine(code: string, line: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer: look at that`)
    const [, found = ''] = / (?:is held|cannot process [^:]*|is parked): ([a-z-]+): ./.exec(line) ?? []
    assert.equal(found, code, line)
    this.#seen.add(found)
  }

  /** Holds the last line of a command against the row of the code that it should begin with: one that no answer has. */
  commandLine(code: string, output: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer: look at that`)
    const [, found = ''] = /^([a-z-]+): ./.exec(output.trimEnd().split('\n').at(-1) ?? '') ?? []
    assert.equal(found, code, output)
    this.#seen.add(found)
  }

  /**
   * Holds the line with which functions do not start against the row of the code that it should end with: one
   * that no answer has.
   */
  startLine(code: string, line: string): void {
    assert.equal(this.#row(code).status, undefined, `${code} has an answer: look at that`)
    const [, found = ''] = /^[^\n]+ \(([a-z-]+)\)$/.exec(line) ?? []
    assert.equal(found, code, line)
    this.#seen.add(found)
  }

  /** Holds a decision of a service's decider against the row of the code that it should refuse with. */
  refusal(service: string, code: string, decision: Decision<unknown>): void {
    assert.equal(this.#row(code).service, service)
    assert.ok(isRefusal(decision), `not refused: ${JSON.stringify(decision)}`)
    assert.equal(decision.refusal, code)
    this.#seen.add(decision.refusal)
  }

  /**
   * Every documented code was seen, and every code that was seen is documented.
   * @param services whose refusals are produced here: those of others are held by their own tests. @returns how many.
   */
  assertComplete(services: ReadonlySet<string>): number {
    const meant = [...this.documented.values()].filter(({ service }) => service === undefined || services.has(service))
    assert.deepEqual([...this.#seen].toSorted(), meant.map(({ code }) => code).toSorted())
    assert.ok(this.#seen.size > 0)
    return this.#seen.size
  }

  #row(code: string): DocumentedError {
    const row = this.documented.get(code)
    assert.ok(row, `${code} does not stand in docs/errors.md`)
    return row
  }
}
