/**
 * The events of a history, line by line. Their hash distinguishes histories; the lines are kept only on request.
 */
export class Trace {
  readonly #kept: string[] | undefined
  #one = 0xdeadbeef
  #other = 0x41c6ce57

  constructor(isKept: boolean) {
    this.#kept = isKept ? [] : undefined
  }

  add(line: string): void {
    this.#kept?.push(line)
    let [one, other] = [this.#one, this.#other]
    for (let index = 0; index < line.length; index += 1) {
      const code = line.charCodeAt(index)
      one = Math.imul(one ^ code, 0x85ebca77)
      other = Math.imul(other ^ code, 0xc2b2ae3d)
    }
    this.#one = one
    this.#other = other
  }

  get lines(): readonly string[] {
    return this.#kept ?? []
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.#one, this.#other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }
}
