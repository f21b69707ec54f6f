/** How many columns a line may have, in code and in documents. */
const MAX_COLUMNS = 120

/** A table's row, a line with a long address or path, or a regular expression: none of them can be folded. */
const UNFOLDABLE = /^\s*\||^\s*(\S+\s+)?\S{80,}\s*$|^\s*\/.*\/[a-z]*(,|\.exec\()?$/

/**
 * The numbers, from 1, of a file's lines that are too wide. Readers copy the code blocks of Markdown, so these stay
 * as they are.
 */
export function findWideLines(file: string, text: string): readonly number[] {
  let isCode = false
  return text.split('\n').flatMap((line, index) => {
    if (file.endsWith('.md') && /^\s*```/.test(line)) isCode = !isCode
    return line.length > MAX_COLUMNS && !isCode && !UNFOLDABLE.test(line) ? [index + 1] : []
  })
}
