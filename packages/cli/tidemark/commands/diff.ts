import type { Command } from 'commander'
import type { EventAnswer, StateAnswer } from '../../api/answers.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { apiCommand, type Context, whole } from '../command/api-command.ts'
import { findOwner } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { type Difference, findDifferences } from '../output/difference.ts'
import type { Style } from '../output/output.ts'

const STYLES: Readonly<Record<Difference['kind'], Style>> = { added: 'green', removed: 'red', changed: 'yellow' }

export function addDiff(program: Command): void {
  const command = program
    .command('diff')
    .description('the changes in the state of a stream between two versions; without them, by its newest command')
    .argument('<stream>', 'such as order-1')
    .argument('[a]', 'the earlier version', whole)
    .argument('[b]', 'the later version; the newest if left out', whole)
    .addHelpText('after', examples('diff order-1', 'diff order-1 2', 'diff order-1 2 5 --json'))
  apiCommand(command, diff)
}

async function diff(context: Context, _: object, ...args: readonly string[]): Promise<undefined> {
  const { output } = context
  const [stream = '', a, b] = args
  const api = context.api(findOwner(stream))
  const path = `streams/${encodeURIComponent(stream)}`
  const stateAt = (version?: number): Promise<StateAnswer> => api.get(`${path}/state`, { version })
  const to = await stateAt(b === undefined ? undefined : Number(b))
  const earlier = a === undefined ? await beforeCommand(to.version) : Number(a)
  if (earlier > to.version) throw new UsageError(`${stream}: version ${earlier} is after version ${to.version}`)
  // A stream has no state before its first event.
  const from = earlier === 0 ? undefined : await stateAt(earlier)
  const differences = findDifferences(from?.state, to.state)
  if (output.json) {
    output.value({ stream, from: earlier, to: to.version, differences })
    return
  }
  output.remark(`${stream}: from version ${earlier} to ${to.version}`)
  if (differences.length === 0) output.line('nothing differs')
  else
    output.table(
      [{ title: 'path' }, { title: 'what' }, { title: 'before', flexible: true }, { title: 'after', flexible: true }],
      differences.map(({ path, kind, before, after }) => [path || '(all)', kind, shown(before), shown(after)]),
      (index) => STYLES[differences[index]?.kind ?? 'changed'],
    )

  /** The version before the command that appended this one. All events of a command have the same cause. */
  async function beforeCommand(version: number): Promise<number> {
    let causation: string | undefined
    const query = { direction: 'backward', after: version + 1, limit: 20 }
    for await (const event of api.items<EventAnswer>(`${path}/events`, query, 'after')) {
      causation ??= event.causation
      if (event.causation !== causation) return event.version
    }
    return 0
  }
}

function shown(value: unknown): string {
  return value === undefined ? '' : JSON.stringify(value)
}
