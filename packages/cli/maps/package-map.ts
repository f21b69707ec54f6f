import { formatHeader, type Theme } from './theme.ts'

/** A row of imports.cjs. */
export interface ImportRow {
  readonly path: string
  readonly imports?: readonly string[]
}

/** What the root has in an adopter's own project. */
const APPLICATION = 'functions, src'
/** Tests and benches may import nearly everything, so the picture leaves them out. */
const HIDDEN = /^(test|bench|packages\/test-support|packages\/[^/]*\*[^/]*|packages\/[^/]+\.ts)(\/|$)/
const FRAMEWORK = 'tidemark'

/** The packages, the folders of the framework, and which may import which, in the language of Graphviz. */
export function drawPackages(rows: readonly ImportRow[], theme: Theme): string {
  const nodes = new Set<string>()
  const edges = new Set<string>()
  for (const { path, imports = [] } of rows) {
    const from = findNode(path)
    if (from === undefined) continue
    nodes.add(from)
    for (const to of imports.map(findNode)) if (to !== undefined && to !== from) edges.add(`"${from}" -> "${to}"`)
  }
  const [inside, outside] = [true, false].map((isInside) =>
    [...nodes].filter((node) => node.startsWith(`${FRAMEWORK}/`) === isInside).toSorted(),
  )
  return `digraph "The packages" {
  ${formatHeader(theme)}
  subgraph "cluster tidemark" {
    label="packages/${FRAMEWORK}" labeljust=l style="filled,rounded" fillcolor="${theme.box}" color="${theme.line}"
    ${(inside ?? []).map((node) => `"${node}" [label="${node.replace(`${FRAMEWORK}/`, '')}"]`).join('\n    ')}
  }
  ${(outside ?? []).map((node) => `"${node}"`).join('\n  ')}
  ${[...edges].toSorted().join('\n  ')}
}`
}

/** The box that a path of the table is drawn in. Absent: the picture leaves it out. */
function findNode(path: string): string | undefined {
  if (HIDDEN.test(path)) return undefined
  const [folder = '', name = '', inner = ''] = path.split('/')
  if (folder !== 'packages') return APPLICATION
  if (name !== FRAMEWORK) return `${folder}/${name}`
  return `${FRAMEWORK}/${inner.endsWith('.ts') || inner === '' ? 'exports' : inner}`
}
