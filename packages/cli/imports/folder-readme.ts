/** A row of imports.cjs, as documents show it. */
export interface DocumentedRow {
  readonly path: string
  readonly is: string
  /** In Markdown, such as `packages/kit/` in backticks, or: any package. */
  readonly mayImport: readonly string[]
}

/** What imports.cjs wrote: text, or in a published package a comment, which its users do not see. */
const WRITTEN = /<!-- imports\.cjs[\s\S]*?\/imports\.cjs -->/
const WIDTH = 100

/**
 * A folder's README.md with the folder's row: what it is for, and what it may import.
 * @param readme the file so far, or '' where there is none. What others wrote in it stays.
 * @param isPublished users of a package do not see the row: it says nothing about the package's use.
 */
export function withRow(readme: string, row: DocumentedRow, isPublished: boolean): string {
  const [begin, end] = isPublished
    ? ['<!-- imports.cjs', '/imports.cjs -->']
    : ['<!-- imports.cjs -->', '<!-- /imports.cjs -->']
  const written = `${begin}\n\n${foldLine(describeRow(row))}\n\n${end}`
  if (WRITTEN.test(readme)) return readme.replace(WRITTEN, () => written)
  const [, title = `# ${row.path.replace(/\/$/, '')}`, rest = ''] = /^(# .+)\n([\s\S]*)$/.exec(readme) ?? []
  return `${title}\n\n${written}\n${rest}`
}

function describeRow({ path, is, mayImport }: DocumentedRow): string {
  const toRoot = '../'.repeat(path.split('/').length - 1)
  const purpose = is.replaceAll('](docs/', `](${toRoot}docs/`)
  return `${purpose.charAt(0).toUpperCase()}${purpose.slice(1)}. May import: ${mayImport.join(', ')}.`
}

/** Words in lines of at most 100 columns. */
function foldLine(text: string): string {
  return text.split(' ').reduce((folded, word) => {
    const width = folded.length - folded.lastIndexOf('\n') + word.length
    return `${folded}${width > WIDTH ? '\n' : ' '}${word}`
  })
}
