import type { Command } from 'commander'
import type { EventAnswer } from '../../api/answers.ts'
import { RefusedError } from '../../api/errors.ts'
import { apiCommand, askEach, type Context } from '../command/api-command.ts'
import { findOwner } from '../command/declared.ts'
import { examples } from '../command/examples.ts'
import { FOUND } from '../command/exit-codes.ts'
import { parsePosition } from '../command/position.ts'
import { measureWidth, plain } from '../output/text.ts'
import { causationTrees, formatEventId, type Node, treeLines } from '../output/tree.ts'

type Traced = EventAnswer & { readonly service: string }

export function addCause(program: Command): void {
  const command = program
    .command('cause')
    .description('the events that one request caused in all services, as a tree')
    .argument('<event>', 'an event, such as order-1@2, or a correlation')
    .addHelpText('after', examples('cause order-1@2', 'cause 0f6b1e0c-6c1f-4c50-9a1e-0d6a7a1c2f11 --json'))
  apiCommand(command, cause)
}

async function cause(context: Context, _: object, asked = ''): Promise<number> {
  const { output } = context
  const position = parsePosition(asked)
  const event = position && (await eventAt(context, position.stream, position.version))
  const correlation = event?.correlation ?? asked
  const { answers, missing } = await askEach(context, context.services, async (api, service) => {
    const events: Traced[] = []
    for await (const event of api.items<EventAnswer>(`traces/${encodeURIComponent(correlation)}`, { limit: 100 }))
      events.push({ ...event, service })
    return events
  })
  const found = answers.flatMap(({ answer }) => answer)
  const isFound = event === undefined || found.some((each) => formatEventId(each) === asked)
  const trees = causationTrees(isFound ? found : [...found, event])
  if (output.json) output.value({ correlation, trees: trees.map(toJson) })
  else if (trees.length > 0) {
    output.remark(`correlation ${correlation}`)
    for (const tree of trees) print(context, tree, asked)
  }
  if (missing !== 0) return missing
  if (!isFound) {
    output.remark(`${asked} is not found by its correlation: a build without traces wrote it, and maybe other events`)
    return FOUND
  }
  if (trees.length > 0) return 0
  output.remark(`no service has an event of the correlation ${correlation}`)
  return FOUND
}

async function eventAt(context: Context, stream: string, version: number): Promise<Traced> {
  const service = findOwner(stream)
  const { items } = await context.api(service).page<EventAnswer>(`streams/${encodeURIComponent(stream)}/events`, {
    after: version - 1,
    limit: 1,
  })
  const [event] = items
  if (event?.version === version) return { ...event, service }
  throw new RefusedError(`version-not-found: ${stream} has no version ${version}`, 404, 'version-not-found')
}

function print({ output }: Context, tree: Node<Traced>, asked: string): void {
  const lines = treeLines(tree).map(({ guide, node }) => ({ node, label: guide + formatLabel(node) }))
  const services = Math.max(...lines.map(({ node }) => node.event?.service.length ?? 0))
  const width = Math.max(...lines.map(({ label }) => measureWidth(label)))
  for (const { node, label } of lines) {
    const { event } = node
    const pad = ' '.repeat(width - measureWidth(label))
    const whole = event
      ? `${label}${pad}  ${event.service.padEnd(services)}  ${event.time}  ${plain(event.actor)}`
      : label
    const line = output.fitting(whole)
    output.line(node.id === asked ? output.styled('bold', line) : event ? line : output.styled('dim', line))
  }
}

function formatLabel({ id, event }: Node<Traced>): string {
  if (event) return plain(`${formatEventId(event)} ${event.type}`)
  return plain(id.startsWith('command:') ? id : `${id} (no service returned it)`)
}

function toJson({ id, event, effects }: Node<Traced>): object {
  return { id, ...(event ? { event } : {}), effects: effects.map(toJson) }
}
