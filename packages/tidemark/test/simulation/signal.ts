/** Wakes all waiters when something has grown. */
export class Signal {
  #waiting: (() => void)[] = []

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  raise(): void {
    for (const resume of this.#waiting.splice(0)) resume()
  }
}
