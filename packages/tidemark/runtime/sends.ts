import { describeError } from '../core/errors.ts'
import type { Trace } from '../core/reaction.ts'

/** Reports commands that a reaction did not await. Each process logs it once, which is enough to fix it. */
export class SendWatcher {
  readonly #reaction: string
  readonly #onUnawaited: (line: string) => void
  #isLogged = false

  /** @param onUnawaited receives every such line, including those that are not logged. */
  constructor(reaction: string, onUnawaited: (line: string) => void = () => {}) {
    this.#reaction = reaction
    this.#onUnawaited = onUnawaited
  }

  /** Reports commands that the handler did not await. The runtime awaits them anyway. */
  forgotten(position: string, commands: readonly string[], trace: Trace): void {
    const what = `did not wait for ${commands.join(', ')}`
    this.#log(
      `${position}: the reaction ${this.#reaction} ${what}: await each send, or return its promise`,
      'warn',
      trace,
    )
  }

  /**
   * Reports a command sent after the handler ended. It is sent, but its event may already be done, so a crash
   * loses it.
   */
  late(position: string, command: string, trace: Trace): void {
    const what = `sent ${command} after it had ended, so a crash would lose it`
    this.#log(
      `${position}: the reaction ${this.#reaction} ${what}: await all of its work before it ends`,
      'error',
      trace,
    )
  }

  /** Reports that a command sent too late has failed. */
  lost(position: string, command: string, error: unknown, trace: Trace): void {
    const what = `${command}, which the reaction ${this.#reaction} sent after it had ended`
    trace(`${position}: ${what}, failed and is lost: ${describeError(error)}`, 'error')
  }

  #log(line: string, level: 'warn' | 'error', trace: Trace): void {
    this.#onUnawaited(line)
    if (this.#isLogged) return
    this.#isLogged = true
    trace(line, level)
  }
}

/** The promise of a command's outcome, which knows whether the handler awaited it. */
class Outcome<Value> extends Promise<Value> {
  /** Promises chained to it are ordinary ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  isAwaited = false

  /**
   * Called by `await`, `Promise.all` and anything else that waits. `await` also calls it, because this is a
   * subclass of Promise.
   */
  // biome-ignore lint/suspicious/noThenProperty: it is a promise.
  override then<Kept = Value, Caught = never>(
    onKept?: ((value: Value) => Kept | PromiseLike<Kept>) | null,
    onFailed?: ((reason: unknown) => Caught | PromiseLike<Caught>) | null,
  ): Promise<Kept | Caught> {
    this.isAwaited = true
    return super.then(onKept, onFailed)
  }
}

interface Sent {
  readonly command: string
  readonly outcome: Outcome<unknown>
  /** Resolves when the command is done, and never rejects. */
  readonly done: Promise<void>
  isPending: boolean
  /** Whether the handler ended without awaiting it. */
  isForgotten: boolean
  failure?: { readonly error: unknown }
}

/**
 * The commands that a handler sends for one event. The event is done once all commands are done, even if the
 * handler did not await them. Otherwise a crash would lose them.
 */
export class Sends {
  readonly #watcher: SendWatcher
  readonly #position: string
  readonly #trace: Trace
  readonly #sent: Sent[] = []
  /** `ending`: the handler has ended, but its unawaited work may still send commands. */
  #phase: 'running' | 'ending' | 'ended' = 'running'

  /** @param position of the event, for log lines. */
  constructor(watcher: SendWatcher, position: string, trace: Trace) {
    this.#watcher = watcher
    this.#position = position
    this.#trace = trace
  }

  /** Sends a command. @param command its description for log lines. */
  send<Value>(command: string, task: () => Promise<Value>): Promise<Value> {
    const started = task()
    const outcome = new Outcome<Value>((resolve) => resolve(started))
    const end = (failure?: { readonly error: unknown }): void => {
      sent.isPending = false
      if (failure) sent.failure = failure
    }
    const done = started.then(
      () => end(),
      (error: unknown) => end({ error }),
    )
    const sent: Sent = { command, outcome, done, isPending: true, isForgotten: this.#phase !== 'running' }
    // `run` throws or reports a failure that the handler does not await, so no other listener is needed.
    Promise.prototype.then.call(outcome, undefined, () => {})
    if (this.#phase === 'ended') void this.#watchLate(sent)
    else this.#sent.push(sent)
    return outcome
  }

  /**
   * Runs the handler and resolves when all commands it sent are done.
   * @throws the handler's error, or else the failure of a command that it did not await.
   */
  async run(handler: () => Promise<void>): Promise<void> {
    try {
      await handler()
      for (const sent of this.#sent) sent.isForgotten = sent.isPending || !sent.outcome.isAwaited
    } finally {
      // Also if the handler fails: none of its work may still run when its event is redelivered.
      this.#phase = 'ending'
      await this.#settle()
      this.#phase = 'ended'
    }
    const forgotten = this.#sent.filter(({ isForgotten }) => isForgotten)
    if (forgotten.length === 0) return
    const commands = forgotten.map(({ command }) => command)
    this.#watcher.forgotten(this.#position, commands, this.#trace)
    const failed = forgotten.find(({ failure }) => failure !== undefined)
    if (failed?.failure) throw failed.failure.error
  }

  async #settle(): Promise<void> {
    for (let pending = this.#pending(); pending.length > 0; pending = this.#pending()) {
      await Promise.all(pending.map(({ done }) => done))
      // Lets unawaited code that waited for these commands continue; it may send more.
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #pending(): readonly Sent[] {
    return this.#sent.filter(({ isPending }) => isPending)
  }

  async #watchLate(sent: Sent): Promise<void> {
    this.#watcher.late(this.#position, sent.command, this.#trace)
    await sent.done
    if (sent.failure) this.#watcher.lost(this.#position, sent.command, sent.failure.error, this.#trace)
  }
}
