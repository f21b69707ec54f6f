import { eastAsianWidth } from 'get-east-asian-width'

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })
/** Characters that control a terminal, break lines or change the text direction. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Escapes control characters, so that data of an event cannot control the terminal. */
export function plain(text: string): string {
  return text.replace(CONTROL, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value as JSON that is safe for a terminal and readable for programs. */
export function jsonText(value: unknown, space?: number): string {
  return JSON.stringify(value, null, space).replace(CONTROL, (each) => (each === '\n' ? each : plain(each)))
}

/** The number of terminal columns of a text. */
export function measureWidth(text: string): number {
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += countColumns(segment)
  return width
}

/** Shortens a text with `…` to at most `columns` terminal columns. */
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
