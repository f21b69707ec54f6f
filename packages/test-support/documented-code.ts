/** A fenced code block of a document: its info string and its text. */
interface CodeBlock {
  readonly info: string
  readonly text: string
}

/**
 * The fenced code blocks of a Markdown document, in order.
 * https://spec.commonmark.org/0.31.2/#fenced-code-blocks
 */
export function listCodeBlocks(markdown: string): readonly CodeBlock[] {
  return [...markdown.matchAll(/^```([^\n`]*)\n(.*?)^```$/gms)].map(([, info = '', text = '']) => ({
    info: info.trim(),
    text,
  }))
}
