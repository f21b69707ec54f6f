import { styleText } from 'node:util'
import { type Cell, type Column, tableLines } from './table.ts'
import { jsonText, plain, shortened } from './text.ts'

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'

/** The part of a writable stream that the output needs. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** Prints the results of a command to one sink, and progress and remarks to the other. */
export class Output {
  readonly #out: Sink
  readonly #err: Sink
  readonly #colours: boolean
  #progress = false
  /** Whether results are JSON, for programs. */
  readonly json: boolean

  constructor(options: {
    readonly json: boolean
    readonly out?: Sink
    readonly err?: Sink
    readonly env?: NodeJS.ProcessEnv
  }) {
    const { json, out = process.stdout, err = process.stderr, env = process.env } = options
    this.json = json
    this.#out = out
    this.#err = err
    // https://no-color.org
    this.#colours = out.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  }

  /** One line of the result, written at once. */
  line(text = ''): void {
    this.#clear()
    this.#out.write(`${text}\n`)
  }

  /** A result for programs. */
  value(value: unknown): void {
    this.line(jsonText(value, 2))
  }

  /** A result for programs, one of many: a line of JSON. */
  item(value: unknown): void {
    this.line(jsonText(value))
  }

  /**
   * Prints a table. Cells are shortened only if a terminal is too narrow.
   * @param pickStyle the style of a row. @param below lines below a row, which are never shortened.
   */
  table(
    columns: readonly Column[],
    rows: readonly (readonly Cell[])[],
    pickStyle?: (index: number) => Style | undefined,
    below?: (index: number) => readonly string[],
  ): void {
    const lines = tableLines(columns, rows, this.#out.isTTY ? this.#out.columns : undefined)
    this.line(this.styled('bold', lines.head))
    for (const [index, line] of lines.rows.entries()) {
      const style = pickStyle?.(index)
      this.line(style ? this.styled(style, line) : line)
      for (const text of below?.(index) ?? []) this.line(`  ${plain(text)}`)
    }
  }

  /** Shortens a text to one line of the terminal. @param before the number of columns before it. */
  fitting(text: string, before = 0): string {
    return this.#out.isTTY && this.#out.columns ? shortened(text, Math.max(1, this.#out.columns - before)) : text
  }

  styled(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text
  }

  /** Prints a remark beside the result, for people. */
  remark(text: string): void {
    this.#clear()
    this.#err.write(`${plain(text)}\n`)
  }

  /** Shows the current progress. Only on a terminal, and only until the next line. */
  progress(text: string): void {
    if (!this.#err.isTTY) return
    const columns = (this.#err.columns ?? 80) - 1
    this.#err.write(`\r\x1b[K${plain(text).slice(0, columns)}`)
    this.#progress = true
  }

  #clear(): void {
    if (this.#progress) this.#err.write('\r\x1b[K')
    this.#progress = false
  }

  /** Clears the progress. */
  end(): void {
    this.#clear()
  }
}
