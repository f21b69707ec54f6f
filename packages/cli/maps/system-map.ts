import { canary, canaryView, type Service } from 'tidemark'
import { hasLog, listReactions } from 'tidemark/tools'
import { formatHeader, type Theme } from './theme.ts'

/**
 * Each service, the first at the top, with what it receives, its log, its hub and its views, in the language of
 * Graphviz.
 */
export function drawSystem(services: readonly Service[], theme: Theme): string {
  return `digraph "The system" {
  ${formatHeader(theme)}
  ${services
    .toReversed()
    .map((service) => drawService(service, theme))
    .join('\n  ')}
}`
}

/** How what reaches a service is drawn. */
const INPUT = 'style="filled,rounded,dashed"'

function drawService(service: Service, { box, line }: Theme): string {
  const { name } = service
  const views = service.views.filter((view) => view.name !== canaryView.name).map((view) => view.name)
  const reacted = listReactions(service).map((reaction) => reaction.service)
  const viewed = service.views.flatMap((view) => (view.kind === 'many-services' ? view.sources : []))
  const sources = [...new Set([...reacted, ...viewed.map((source) => source.service)])]
  return `subgraph "cluster ${name}" {
    label="${name}" labeljust=l style="filled,rounded" fillcolor="${box}" color="${line}"
    ${sources.length > 0 ? `"${name} follows" [label="${formatList('events of', sources)}" ${INPUT}]` : ''}
    "${name} views" [label="${formatList('views (Cosmos DB)', views)}"]
    ${hasLog(service) ? drawLog(service) : ''}
    ${reacted.length > 0 ? `"${name} follows" -> "${name} deciders" [label="react"]` : ''}
    ${viewed.length > 0 ? `"${name} follows" -> "${name} views" [label="project"]` : ''}
  }`
}

/** What records the events of a service, and publishes them. */
function drawLog({ name, deciders, resources }: Service): string {
  const aggregates = deciders.filter((decider) => decider !== canary).map(({ category }) => category)
  const hasCommands = resources?.some(({ commands }) => commands !== undefined)
  return `${hasCommands ? `"${name} http" [label="HTTP" ${INPUT}]` : ''}
    "${name} deciders" [label="${formatList('deciders', aggregates)}"]
    "${name} log" [label="event log\\n(Cosmos DB)" shape=cylinder style=filled]
    "${name} hub" [label="event hub\\n(Event Hubs)" shape=cds style=filled]
    ${hasCommands ? `"${name} http" -> "${name} deciders" [label="command"]` : ''}
    "${name} deciders" -> "${name} log" [label="append"]
    "${name} log" -> "${name} hub" [label="relay"]
    "${name} hub" -> "${name} views" [label="project"]`
}

function formatList(title: string, items: readonly string[]): string {
  return [title, ...items].join('\\n')
}
