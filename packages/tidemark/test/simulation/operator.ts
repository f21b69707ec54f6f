import { isTidemarkError } from 'tidemark'
import type { Ground } from './ground.ts'
import type { Process } from './process.ts'

/** The longest time before the operator acts, and the time after which an action is retried. Milliseconds. */
const ACTS_WITHIN_MS = 10_000
const TAKES_MS = 120_000

/** A log line that reports lost messages, and asks to republish. */
const LOST = /events-missing: .* npm run republish -- (\S+)/
/** A log line that reports a parked stream. */
const WAITS = /See it: npm run parked -- (\S+)$/
/** The probability that the operator redrives a parked stream. Otherwise the timer does. */
const REDRIVES = 0.6

/** An action of the operator for a service. */
interface Task {
  readonly name: 'republish' | 'redrive'
  readonly service: string
  run(process: Process): Promise<void>
}

/** Simulates an operator who reads the log and does what it says. */
export class Operator {
  readonly #ground: Ground
  readonly #listProcesses: (service: string) => readonly Process[]
  /** The running actions, and whether each was requested again meanwhile. */
  readonly #doing = new Map<string, boolean>()
  #asked = 0

  /** @param listProcesses lists the live processes of a service. */
  constructor(ground: Ground, listProcesses: (service: string) => readonly Process[]) {
    this.#ground = ground
    this.#listProcesses = listProcesses
  }

  get isBusy(): boolean {
    return this.#doing.size > 0
  }

  /**
   * Reads a log line. @returns whether the line asks for an action that may be needed, which the operator then takes.
   */
  readLine(line: string): boolean {
    const [, lost] = LOST.exec(line) ?? []
    if (lost !== undefined && this.#ground.faults.happened.some(({ kind }) => kind === 'expire')) {
      this.#see({
        name: 'republish',
        service: lost,
        run: async ({ runtime }) => void (await runtime.republish(undefined, () => {})),
      })
      return true
    }
    const [, waits] = WAITS.exec(line) ?? []
    if (waits === undefined) return false
    this.#asked += 1
    // Whether there was a cause is checked at the end, over all streams that were ever parked.
    if (this.#ground.dice.chance(`redrive ${this.#asked}`, REDRIVES))
      this.#see({ name: 'redrive', service: waits, run: redriveAll })
    return true
  }

  /** All faults have ended, so the operator may redrive what is parked. */
  mended(service: string): void {
    if (this.#ground.dice.chance(`redrive of ${service}`, REDRIVES))
      this.#see({ name: 'redrive', service, run: redriveAll })
  }

  #see(task: Task): void {
    const what = formatName(task)
    const isRunning = this.#doing.has(what)
    this.#doing.set(what, isRunning)
    if (!isRunning) this.#attempt(task, 1)
  }

  #attempt(task: Task, attempt: number): void {
    const ground = this.#ground
    const about = `${formatName(task)} ${attempt}`
    const again = (): void => this.#attempt(task, attempt + 1)
    ground.timeline.after(ground.dice.number(about) * ACTS_WITHIN_MS, () => {
      const [process] = this.#listProcesses(task.service)
      if (process === undefined) again()
      else this.#run(process, task, about, again)
    })
  }

  #run(process: Process, task: Task, about: string, again: () => void): void {
    const ground = this.#ground
    // The answer is lost if the process ends.
    let isOver = false
    ground.timeline.after(TAKES_MS, () => {
      if (!isOver) again()
      isOver = true
    })
    process
      .serve(about, () => task.run(process))
      .then(
        () => {
          if (isOver) return
          isOver = true
          const what = formatName(task)
          const isAskedAgain = this.#doing.get(what)
          this.#doing.delete(what)
          if (!isAskedAgain) return
          this.#doing.set(what, false)
          again()
        },
        (error: unknown) => ground.failed(process.name, task.name, error),
      )
  }
}

function formatName({ name, service }: Task): string {
  return `${name} ${service}`
}

/** As `tidemark parked redrive <service>` does. */
async function redriveAll({ runtime, log }: Process): Promise<void> {
  for (const redrive of await runtime.redrives())
    for (const parked of (await redrive.waiting()).streams)
      try {
        await redrive.redrive(parked, log)
      } catch (error) {
        // The timer or another redrive was first.
        if (!isTidemarkError(error, 'not-parked')) throw error
      }
}
