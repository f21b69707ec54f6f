/** The candidate with the smallest edit distance to `text`; the first of several. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  return candidates
    .map((candidate) => [distance(text, candidate), candidate] as const)
    .sort(([a], [b]) => a - b)[0]?.[1]
}

// Levenshtein distance, computed one matrix row at a time.
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1))
    }
  }
  return row[b.length] ?? 0
}
