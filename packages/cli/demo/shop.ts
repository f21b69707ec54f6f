import type { Answer, Client } from './client.ts'
import type { Latency } from './latency.ts'

/** The results of one run of the workload. */
export interface Seen {
  commands: number
  readonly byStatus: Map<number, number>
  readonly command: Latency
  readonly commandToView: Latency
  /** Milliseconds from the first read of an order to the first read of its decision, by order. */
  readonly decided: Map<string, number>
  /** The stream positions that commands returned: all of them must be in the log. */
  readonly positions: Set<string>
  /** Outcomes that should not have happened. */
  readonly surprises: string[]
}

/** The services under load, and the results so far. */
export interface Workload {
  readonly client: Client
  /** Set if inventory runs: its stock decides the orders. */
  readonly inventory?: Client
  /** Set if payments and shipping run: a bank and a warehouse do their part. */
  readonly fulfilment?: { readonly payments: Client; readonly shipping: Client }
  readonly seen: Seen
  /** Part of every key, so that two runs with the same seed on the same data do not share keys. */
  readonly run: string
}

/** How a command is sent. */
interface Sending {
  /** Its idempotency key. */
  readonly key: string
  readonly headers?: Readonly<Record<string, string>>
  /** The client of its service. The default is ordering. */
  readonly to?: Client
}

/** Sends a command under an idempotency key, and counts it. */
export async function command(
  { client, seen }: Workload,
  path: string,
  body: unknown,
  { key, headers = {}, to = client }: Sending,
): Promise<Answer> {
  const started = performance.now()
  const answer = await to.post(path, body, { 'idempotency-key': key, 'x-actor': 'demo', ...headers })
  seen.command.add(performance.now() - started)
  seen.commands += 1
  seen.byStatus.set(answer.status, (seen.byStatus.get(answer.status) ?? 0) + 1)
  if (answer.status < 300) seen.positions.add(answer.body.position)
  return answer
}

/** Whether an answer has one of these statuses. Records a surprise if not. */
export function expect(seen: Seen, answer: Answer, statuses: readonly number[], what: string): boolean {
  if (statuses.includes(answer.status)) return true
  seen.surprises.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body)}`)
  return false
}

/**
 * Waits until a document meets a condition. Reads it at one stream position after another.
 * @param from the first position to read.
 */
export async function waitFor(
  client: Client,
  path: string,
  from: { readonly stream: string; readonly version: number },
  // biome-ignore lint/suspicious/noExplicitAny: a document of a foreign API.
  condition: (document: any) => boolean,
  // biome-ignore lint/suspicious/noExplicitAny: the same.
): Promise<any> {
  for (let next = from.version; ; ) {
    const { body, headers } = await client.get(`${path}?position=${encodeURIComponent(`${from.stream}@${next}`)}`)
    if (condition(body)) return body
    next = Number(headers.get('etag')?.slice(1, -1)) + 1
  }
}
