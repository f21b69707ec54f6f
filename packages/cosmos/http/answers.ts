/** Of what an answer may hold. https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/** An answer on its way: a body that is JSON already is a text, and one that is not JSON are bytes. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: unknown
  readonly text?: string
  readonly bytes?: Buffer
  /** Request units; the least where it is not given. */
  readonly charge?: number
  /** The partition key range that it came from; the first where it is not given. */
  readonly range?: string
  /** The number of the last write in the data that it came from; that of all where it is not given. */
  readonly lsn?: number | undefined
}

/** A list, whose members are JSON already. */
export function formatList(
  name: string,
  members: readonly string[],
  rid: string,
  charge: number,
  headers: Answer['headers'] = {},
): Answer {
  return {
    status: 200,
    headers: { 'x-ms-item-count': members.length, ...headers },
    text: `{"_rid":${JSON.stringify(rid)},"${name}":[${members.join(',')}],"_count":${members.length}}`,
    charge,
  }
}
