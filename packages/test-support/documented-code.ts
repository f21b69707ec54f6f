/** A fenced block of a document: what stands behind its three ticks, and its text. */
export interface CodeBlock {
  readonly info: string
  readonly text: string
}

/**
 * The fenced blocks of a document in Markdown, in their order.
 * https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function listCodeBlocks(markdown: string): readonly CodeBlock[] {
  return [...markdown.matchAll(/^```([^\n`]*)\n(.*?)^```$/gms)].map(([, info = '', text = '']) => ({
    info: info.trim(),
    text,
  }))
}
