import type { Answer, Client } from './client.ts'
import type { Latency } from './latency.ts'

/** What a run of the workload saw. */
export interface Seen {
  commands: number
  readonly byStatus: Map<number, number>
  readonly command: Latency
  readonly commandToView: Latency
  /** From the order's first sight to the sight of its decision, in milliseconds, by order. */
  readonly decided: Map<string, number>
  /** Positions that commands were answered with: all of them must be in the log. */
  readonly positions: Set<string>
  /** What should not have happened. */
  readonly surprises: string[]
}

/** Where the workload goes on, and what it saw there. */
export interface Workload {
  /** Of ordering. */
  readonly client: Client
  /** Where inventory runs too: its stock decides the orders. */
  readonly inventory?: Client
  /** Where payments and shipping run too: a bank and a warehouse do their part. */
  readonly fulfilment?: { readonly payments: Client; readonly shipping: Client }
  readonly seen: Seen
  /** Makes the keys of this run its own: the same seed twice on the same data is two runs. */
  readonly run: string
}

/** A command under a key, counted. @param to without it ordering. */
export async function command(
  { client, seen }: Workload,
  path: string,
  body: unknown,
  key: string,
  headers: Readonly<Record<string, string>> = {},
  to = client,
): Promise<Answer> {
  const started = performance.now()
  const answer = await to.post(path, body, { 'idempotency-key': key, 'x-actor': 'demo', ...headers })
  seen.command.add(performance.now() - started)
  seen.commands += 1
  seen.byStatus.set(answer.status, (seen.byStatus.get(answer.status) ?? 0) + 1)
  if (answer.status < 300) seen.positions.add(answer.body.position)
  return answer
}

/** Whether an answer has one of these statuses; a surprise where it has not. */
export function expect(seen: Seen, answer: Answer, statuses: readonly number[], what: string): boolean {
  if (statuses.includes(answer.status)) return true
  seen.surprises.push(`${what} was answered ${answer.status} ${JSON.stringify(answer.body)}`)
  return false
}

/**
 * A document once it is as it is waited for: asked for at one position after another.
 * @param from the first version of its stream that is looked at.
 */
export async function waitFor(
  client: Client,
  path: string,
  stream: string,
  from: number,
  // biome-ignore lint/suspicious/noExplicitAny: a document of a foreign API.
  condition: (document: any) => boolean,
  // biome-ignore lint/suspicious/noExplicitAny: the same.
): Promise<any> {
  for (let next = from; ; ) {
    const { body, headers } = await client.get(`${path}?position=${encodeURIComponent(`${stream}@${next}`)}`)
    if (condition(body)) return body
    next = Number(headers.get('etag')?.slice(1, -1)) + 1
  }
}
