import { styleText } from 'node:util'
import { type Cell, type Column, tableLines } from './table.ts'
import { jsonText, plain, shortened } from './text.ts'

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green' | 'cyan'

/** As much of a stream as the output needs of it. */
export interface Sink {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

/** What a command prints: its results to one sink, progress and remarks to the other. */
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
   * A table; nothing of it is cut unless a terminal is too narrow.
   * @param pickStyle the style of a row. @param below lines of a row that are never cut.
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

  /** Text of a line, as much as a terminal shows of it in one. @param before how many columns stand before it. */
  fitting(text: string, before = 0): string {
    return this.#out.isTTY && this.#out.columns ? shortened(text, Math.max(1, this.#out.columns - before)) : text
  }

  styled(style: Style, text: string): string {
    return this.#colours ? styleText(style, text, { validateStream: false }) : text
  }

  /** Beside the result: for whoever looks. */
  remark(text: string): void {
    this.#clear()
    this.#err.write(`${plain(text)}\n`)
  }

  /** What goes on now: on a terminal alone, and gone with the next line. */
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

  /** Leaves no progress behind. */
  end(): void {
    this.#clear()
  }
}
