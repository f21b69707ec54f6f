/** The links, anchors and tables of a document, without those in code. */
interface Markdown {
  /** The targets of links with `#…`: explicit anchors, and headings as GitHub names them. */
  readonly anchors: ReadonlySet<string>
  /** The targets of its links, as written. */
  readonly links: readonly string[]
  /** The cells of all rows of its tables, trimmed. */
  readonly rows: readonly (readonly string[])[]
}

const FENCE = /^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1[ \t]*$/gm

export function readMarkdown(text: string): Markdown {
  const prose = text.replace(FENCE, '')
  const withoutCode = prose.replace(/`[^`\n]*`/g, '')
  const explicit = [...withoutCode.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id = '']) => id)
  return {
    anchors: new Set([...explicit, ...headingAnchors(prose)]),
    links: [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    rows: prose
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .slice(1, line.lastIndexOf('|'))
          .split(/(?<!\\)\|/)
          .map((cell) => cell.trim()),
      ),
  }
}

/**
 * https://docs.github.com/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links
 */
function headingAnchors(prose: string): readonly string[] {
  const seen = new Map<string, number>()
  return [...prose.matchAll(/^#{1,6} +(.+?)\s*#*$/gm)].map(([, heading = '']) => {
    const slug = heading
      .replace(/<[^>]*>/g, '')
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\- _]/gu, '')
      .replaceAll(' ', '-')
    const times = seen.get(slug) ?? 0
    seen.set(slug, times + 1)
    return times === 0 ? slug : `${slug}-${times}`
  })
}
