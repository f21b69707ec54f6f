import { describeError } from '../core/errors.ts'
import type { Trace } from '../core/reaction.ts'

/**
 * Tells of commands that a reaction does not wait for: in the log once for each process, which is enough to
 * mend it.
 */
export class SendWatcher {
  readonly #reaction: string
  readonly #onUnawaited: (line: string) => void
  #isLogged = false

  /** @param onUnawaited hears every such line, also those that the log is spared. */
  constructor(reaction: string, onUnawaited: (line: string) => void = () => {}) {
    this.#reaction = reaction
    this.#onUnawaited = onUnawaited
  }

  /** They are waited for all the same. */
  forgotten(position: string, commands: readonly string[], trace: Trace): void {
    const what = `did not wait for ${commands.join(', ')}`
    this.#log(
      `${position}: the reaction ${this.#reaction} ${what}: await each send, or return its promise`,
      'warn',
      trace,
    )
  }

  /** It is sent all the same, but its event may be passed: nobody sends it again after a crash. */
  late(position: string, command: string, trace: Trace): void {
    const what = `sent ${command} after it had ended, where a crash loses it`
    this.#log(
      `${position}: the reaction ${this.#reaction} ${what}: await all of its work before it ends`,
      'error',
      trace,
    )
  }

  /** What was sent late has failed. */
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

/** A command's outcome as its handler has it: a promise that knows whether anybody asked for it. */
class Outcome<Value> extends Promise<Value> {
  /** What is chained to it is a promise like any other. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  isAwaited = false

  /**
   * Called by `await`, `Promise.all` and whatever else waits: for a promise of a class of its own, `await`
   * asks this too.
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
  /** Settles, and never fails, when the command is done. */
  readonly done: Promise<void>
  isPending: boolean
  /** Whether the handler ended without waiting for it. */
  isForgotten: boolean
  failure?: { readonly error: unknown }
}

/**
 * The commands that a handler sends for one event. The event is passed once all of them are done, whether the
 * handler waited for them or not: otherwise a crash after it would lose them.
 */
export class Sends {
  readonly #watcher: SendWatcher
  readonly #position: string
  readonly #trace: Trace
  readonly #sent: Sent[] = []
  /** `ending`: the handler has ended, and what it did not wait for may send more. */
  #phase: 'running' | 'ending' | 'ended' = 'running'

  /** @param position of the event, for the log. */
  constructor(watcher: SendWatcher, position: string, trace: Trace) {
    this.#watcher = watcher
    this.#position = position
    this.#trace = trace
  }

  /** Sends a command. @param command what it is, for the message. */
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
    // A failure that the handler does not ask for is thrown by `during`, or told: it needs no other listener.
    Promise.prototype.then.call(outcome, undefined, () => {})
    if (this.#phase === 'ended') void this.#watchLate(sent)
    else this.#sent.push(sent)
    return outcome
  }

  /**
   * Runs the handler, and settles when all that it sent is done.
   * @throws what the handler throws; otherwise the failure of a command that it did not wait for.
   */
  async run(handler: () => Promise<void>): Promise<void> {
    try {
      await handler()
      for (const sent of this.#sent) sent.isForgotten = sent.isPending || !sent.outcome.isAwaited
    } finally {
      // Also where the handler fails: nothing of it may still run when its event comes again.
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
      // Who waited for these, with nobody waiting for it, has its turn: it may send more.
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
