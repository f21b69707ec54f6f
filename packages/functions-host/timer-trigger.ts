import { Cron } from 'croner'
import { StartError } from '../kit/errors.ts'
import type { Invoker } from './invocation.ts'
import type { RegisteredFunction } from './registrations.ts'
import { invokeWithRetry } from './retry.ts'
import type { Settings } from './settings.ts'
import { pause, type Trigger, within } from './trigger.ts'
import { TriggerOptions } from './trigger-options.ts'

const LONGEST_WAIT_MS = 60_000
/** If the clock is set back by less than this, the timer waits for it. */
const SET_BACK_MS = 1000

/**
 * A timer with an NCRONTAB schedule of six fields, in UTC. Runs never overlap: times due during a run are
 * skipped. The schedule is not stored on disk, so nothing is past due after a restart.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
 */
export class TimerTrigger implements Trigger {
  readonly #registered: RegisteredFunction
  readonly #invoker: Invoker
  readonly #bindingName: string
  readonly #schedule: Cron
  readonly #runOnStartup: boolean
  readonly #stopping = new AbortController()
  #loop: Promise<void> = Promise.resolve()

  /** @throws StartError if the schedule is not NCRONTAB. */
  constructor(registered: RegisteredFunction, settings: Settings, invoker: Invoker) {
    const options = new TriggerOptions(registered, settings)
    this.#registered = registered
    this.#invoker = invoker
    this.#bindingName = options.bindingName
    this.#runOnStartup = options.boolean('runOnStartup')
    const schedule = options.string('schedule')
    try {
      // In NCRONTAB a day must match both the day of month and the day of week.
      this.#schedule = new Cron(schedule, { mode: '6-part', timezone: 'Etc/UTC', domAndDow: true, paused: true })
    } catch (error) {
      const { message } = error as Error
      throw new StartError(
        `function ${options.functionName}: ` +
          `schedule ${JSON.stringify(schedule)} is not NCRONTAB of six fields: ${message}`,
      )
    }
  }

  start(): void {
    this.#loop = this.#run()
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort()
    await within(drainMs, this.#loop)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    let last = new Date(0)
    if (this.#runOnStartup) last = await this.#invoke(last)
    while (!signal.aborted) {
      const next = this.#schedule.nextRun()?.getTime()
      if (next === undefined) return
      // If the clock is set back meanwhile, the run is due once the original wait has passed.
      const due = performance.now() + next - Date.now() + SET_BACK_MS
      const left = (): number => Math.min(next - Date.now(), due - performance.now())
      while (!signal.aborted && left() > 0) await pause(Math.min(left(), LONGEST_WAIT_MS), signal)
      if (!signal.aborted) last = await this.#invoke(last)
    }
  }

  async #invoke(last: Date): Promise<Date> {
    const now = new Date()
    // As the host writes it. The programming model changes the names to camel case.
    const timer = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: {
        Last: last.toISOString(),
        Next: (this.#schedule.nextRun() ?? now).toISOString(),
        LastUpdated: last.toISOString(),
      },
      IsPastDue: false,
    }
    const request = { inputData: [{ name: this.#bindingName, data: { json: JSON.stringify(timer) } }] }
    await invokeWithRetry(this.#invoker, this.#registered, () => request, this.#stopping.signal)
    return now
  }
}
