import { once } from 'node:events'
import type { Command } from 'commander'
import { isTidemarkError } from 'tidemark'
import { openArchive } from 'tidemark/archive'
import { UnreachableError } from '../../api/errors.ts'
import { archiveConnection } from '../../project/archive-account.ts'
import { serviceArgument } from '../command/api-command.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { Output } from '../output/output.ts'

interface Options {
  readonly check?: true
  readonly cat?: true
  readonly cloud?: true
  readonly json?: true
}

type Segments = ReturnType<typeof openArchive>

/** A segment, as the command shows it. */
interface Shown {
  readonly number: number
  readonly items: number
  readonly events: number
  readonly bytes: number
  readonly newest: string
  readonly root: string
}

export function addArchive(program: Command): void {
  program
    .command('archive')
    .description('lists the segments of a service’s archive and checks them; exits with 1 if one is wrong')
    .addArgument(serviceArgument())
    .option('--check', 'only check, with progress, and print the totals')
    .option('--cat', 'print the items, one a line of JSON')
    .option('--cloud', 'the archive in Azure, with your own sign-in; default: that of the local cloud')
    .option('--json', 'print JSON, for programs')
    .addHelpText(
      'after',
      `${examples('archive ordering', 'archive ordering --check --cloud', 'archive ordering --cat | jq .stream')}

It reads the blobs themselves, so the service need not run.`,
    )
    .action(async (service: string, options: Options) => {
      const output = new Output({ json: options.json === true })
      try {
        const segments = openArchive(service, await archiveConnection(service, options.cloud === true))
        process.exitCode = options.cat ? await cat(segments) : await list(segments, output, service, options)
      } catch (error) {
        process.exitCode = report(error, output)
      } finally {
        output.end()
      }
    })
}

/** @returns the exit code for an error about the archive. @throws any other error. */
function report(error: unknown, output: Output): number {
  if (isTidemarkError(error, 'unavailable')) throw new UnreachableError(error.message)
  if (!isTidemarkError(error)) throw error
  output.remark(`${error.code}: ${error.message}`)
  return FOUND
}

/** Prints every item. Waits for the reader of the output, which may be slower than the archive. */
async function cat(segments: Segments): Promise<number> {
  for await (const { lines } of segments) {
    const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  }
  return 0
}

async function list(segments: Segments, output: Output, service: string, { check }: Options): Promise<number> {
  const shown: Shown[] = []
  const total = { segments: 0, items: 0, events: 0, bytes: 0 }
  try {
    for await (const { header, lines, bytes } of segments) {
      const { number, count, newest, root } = header
      const each = { number, items: count, events: countEvents(lines), bytes, newest, root }
      if (!check) shown.push(each)
      total.segments += 1
      for (const name of ['items', 'events', 'bytes'] as const) total[name] += each[name]
      output.progress(`${service}: ${total.segments} segments, ${total.items} items`)
    }
  } finally {
    // Those before a wrong segment are right.
    if (output.json) output.value({ service, ...total, list: shown })
    else if (shown.length > 0) table(output, shown)
  }
  if (total.segments === 0) {
    output.remark(`${service}: its archive has no segment`)
    return FOUND
  }
  const counts = Object.entries(total).map(([name, count]) => `${count} ${name}`)
  if (!output.json) output.line(`${service}: ${counts.join(', ')}; every root is right, and the chain is whole`)
  return 0
}

function table(output: Output, shown: readonly Shown[]): void {
  const right = true as const
  output.table(
    [
      { title: 'segment', right },
      { title: 'items', right },
      { title: 'events', right },
      { title: 'bytes', right },
      { title: 'newest' },
      { title: 'root', flexible: true },
    ],
    shown.map(({ number, items, events, bytes, newest, root }) => [number, items, events, bytes, newest, root]),
  )
}

/** The events of the commits among items; any other item has none. */
function countEvents(lines: readonly Buffer[]): number {
  let events = 0
  for (const line of lines) {
    const { types } = JSON.parse(line.toString()) as { readonly types?: unknown }
    if (Array.isArray(types)) events += types.length
  }
  return events
}
