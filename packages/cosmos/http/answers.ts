/** The limit of a response. https://learn.microsoft.com/azure/cosmos-db/concepts-limits#per-request-limits */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024

/** An answer to send. A body that is JSON already is in `text`, one that is not JSON is in `bytes`. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: unknown
  readonly text?: string
  readonly bytes?: Buffer
  /** Request units. Default: the least. */
  readonly charge?: number
  /** The partition key range of the data. Default: the first. */
  readonly range?: string
  /** The number of the last write in the data. Default: the latest write of all. */
  readonly lsn?: number | undefined
}

/** Formats a list from members that are JSON already. */
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
