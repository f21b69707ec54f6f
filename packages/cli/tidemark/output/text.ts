import { eastAsianWidth } from 'get-east-asian-width'

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** What moves a terminal's cursor, colours it or breaks its lines; and what turns text around. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Text of others as a terminal may be shown it: data of an event never commands the terminal. */
export function plain(text: string): string {
  return text.replace(CONTROL, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value as JSON that a terminal may be shown, and programs can read. */
export function jsonText(value: unknown, space?: number): string {
  return JSON.stringify(value, null, space).replace(CONTROL, (each) => (each === '\n' ? each : plain(each)))
}

/** How many columns a terminal needs for it. */
export function measureWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += countColumns(segment)
  return width
}

/** The text, or its beginning and `…`, in at most so many columns. */
export function shortened(text: string, columns: number): string {
  if (measureWidth(text) <= columns) return text
  let shortText = ''
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    width += countColumns(segment)
    if (width >= columns) break
    shortText += segment
  }
  return `${shortText}…`
}

function countColumns(grapheme: string): number {
  return eastAsianWidth(grapheme.codePointAt(0) ?? 0x20)
}
