import type { Ground } from './ground.ts'
import type { Process } from './process.ts'

/** How soon somebody acts, at most, and how long what he began may take before he tries once more. Milliseconds. */
const ACTS_WITHIN_MS = 10_000
const TAKES_MS = 120_000

/** What a line asks for whose cause is a hub that lost messages. */
const ASKS = /events-missing: .* npm run republish -- (\S+)/

/** Whoever reads the log, and does what it says. */
export class Operator {
  readonly #ground: Ground
  readonly #processesOf: (service: string) => readonly Process[]
  /** The services whose events are being published again, and whether that was asked for once more meanwhile. */
  readonly #republishing = new Map<string, boolean>()

  /** @param processesOf those of a service that live. */
  constructor(ground: Ground, processesOf: (service: string) => readonly Process[]) {
    this.#ground = ground
    this.#processesOf = processesOf
  }

  get isBusy(): boolean {
    return this.#republishing.size > 0
  }

  /** Reads a line. @returns whether there is something to do about it, and somebody does. */
  reads(line: string): boolean {
    const [, service] = ASKS.exec(line) ?? []
    if (service === undefined || !this.#ground.faults.happened.some(({ kind }) => kind === 'expire')) return false
    const isRunning = this.#republishing.has(service)
    this.#republishing.set(service, isRunning)
    if (!isRunning) this.#republish(service, 1)
    return true
  }

  #republish(service: string, attempt: number): void {
    const ground = this.#ground
    const about = `republish ${service} ${attempt}`
    ground.timeline.after(ground.dice.number(about) * ACTS_WITHIN_MS, () => {
      const [process] = this.#processesOf(service)
      const again = (): void => this.#republish(service, attempt + 1)
      if (process === undefined) again()
      else this.#run(process, service, about, again)
    })
  }

  #run(process: Process, service: string, about: string, again: () => void): void {
    const ground = this.#ground
    // A process that ends takes its answer with it.
    let isOver = false
    ground.timeline.after(TAKES_MS, () => {
      if (!isOver) again()
      isOver = true
    })
    process
      .serve(about, () => process.runtime.republish(undefined, () => {}))
      .then(
        () => {
          if (isOver) return
          isOver = true
          const isAskedAgain = this.#republishing.get(service)
          this.#republishing.delete(service)
          if (!isAskedAgain) return
          this.#republishing.set(service, false)
          again()
        },
        (error: unknown) => ground.failed(process.name, 'republish', error),
      )
  }
}
