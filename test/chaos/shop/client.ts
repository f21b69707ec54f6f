import { TidemarkError } from 'tidemark'
import type { AnyDecider } from 'tidemark/tools'
import type { Ground } from '../../../packages/tidemark/test/simulation/ground.ts'
import type { Process } from '../../../packages/tidemark/test/simulation/process.ts'
import type { World } from '../../../packages/tidemark/test/simulation/world.ts'
import type { Step } from './script.ts'

type Runtime = Process['runtime']
type CommandResult = Awaited<ReturnType<Runtime['command']>>

/** How long a client waits for an answer, and before it retries. Milliseconds. */
const PATIENCE_MS = 20_000
const TRY_AGAIN_MS = 2_000
/** How often a client repeats a step that was too early, and how long it waits before. Milliseconds. */
const TOO_EARLY_TRIES = 5
const TOO_EARLY_MS = 8_000
/** The refusals of a step whose subject does not exist yet. */
const TOO_EARLY: ReadonlySet<string> = new Set(['stream-not-found', 'shipment-prepared'])

/** An expected version that makes the request differ from one without it. */
const NEVER_REACHED = 1_000_000

/** All answers to one key that the client received. */
export interface Answered {
  readonly service: string
  readonly stream: string
  readonly key: string
  readonly outcomes: CommandResult[]
  /** How often the client timed out. Each of these calls may have taken effect, or may still do so. */
  unanswered: number
}

/** A read with a requested position, and the version it returned. */
export interface Read {
  readonly view: string
  readonly position: { readonly stream: string; readonly version: number }
  readonly version: number | undefined
}

/** The outside: customers, banks and the warehouse. They repeat a request until it is answered. */
export class Clients {
  readonly answered: Answered[] = []
  readonly reads: Read[] = []
  /** The number of unfinished steps. */
  open = 0
  readonly #world: World
  readonly #ground: Ground

  constructor(world: World) {
    this.#world = world
    this.#ground = world.ground
  }

  /** Schedules the steps of a script. */
  follow(steps: readonly (readonly [index: number, step: Step])[]): void {
    for (const [index, step] of steps) {
      this.open += 1
      this.#ground.timeline.after(step.at, () => this.#start(this.#take(`step ${index}`, step)))
    }
  }

  /** Takes a step at once. */
  do(name: string, step: Step): void {
    this.open += 1
    this.#start(this.#take(name, step))
  }

  #start(taken: Promise<void>): void {
    taken
      .catch((error: unknown) => this.#ground.break(error))
      .finally(() => {
        this.open -= 1
      })
  }

  async #take(name: string, step: Step): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const key = attempt === 1 ? name.replace(' ', '-') : `${name.replace(' ', '-')}-again-${attempt}`
      const answered: Answered = {
        service: step.service,
        stream: `${step.category}-${step.id}`,
        key,
        outcomes: [],
        unanswered: 0,
      }
      this.answered.push(answered)
      const [outcome] = await Promise.all([
        this.#send(`${name}.${attempt}`, step, answered),
        ...(step.twice ? [this.#send(`${name}.${attempt} twice`, step, answered)] : []),
      ])
      if (outcome.outcome === 'done' && step.reused) await this.#reuse(`${name} reused`, step, key)
      if (outcome.outcome === 'done' && step.reads) await this.#read(`${name} read`, step, outcome)
      const isEarly = outcome.outcome === 'refused' && TOO_EARLY.has(outcome.code)
      if (!step.waits || !isEarly || attempt === TOO_EARLY_TRIES || this.#ground.faults.isOver) return
      await this.#pause(TOO_EARLY_MS)
    }
  }

  /** Sends a command until it is answered. */
  async #send(name: string, step: Step, answered: Answered): Promise<CommandResult> {
    for (let attempt = 1; ; attempt += 1)
      try {
        const about = `${name}#${attempt}`
        const outcome = await this.#command(about, step, answered.key)
        this.#ground.log(about, outcome.outcome === 'done' ? `done at ${outcome.version}` : `refused: ${outcome.code}`)
        answered.outcomes.push(outcome)
        return outcome
      } catch (error) {
        answered.unanswered += 1
        this.#ground.failed(name, 'asking', error)
        await this.#pause(TRY_AGAIN_MS)
      }
  }

  /** Another request with the same key must be refused, whatever it is. */
  async #reuse(name: string, step: Step, key: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1)
      try {
        const outcome = await this.#command(`${name}#${attempt}`, step, key, NEVER_REACHED)
        if (outcome.outcome === 'done' || outcome.code !== 'idempotency-key-reused')
          this.#ground.alarm(`${name}: another request with the key ${key} was answered ${JSON.stringify(outcome)}`)
        return
      } catch (error) {
        this.#ground.failed(name, 'asking', error)
        await this.#pause(TRY_AGAIN_MS)
      }
  }

  #command(about: string, step: Step, key: string, expectedVersion?: number): Promise<CommandResult> {
    const decider = this.#findDecider(step)
    return this.#ask(about, step.service, ({ command: handle }) =>
      handle(decider, {
        stream: `${step.category}-${step.id}`,
        key,
        receipts: 'unchanged',
        command: step.command,
        metadata: { actor: 'somebody', correlation: key, causation: `command:${key}` },
        ...(expectedVersion === undefined ? {} : { expectedVersion }),
      }),
    )
  }

  /** Reads each single-stream view, at least at the written position. */
  async #read(name: string, step: Step, { stream, version }: Read['position']): Promise<void> {
    const { service } = this.#world.findStores(step.service)
    for (const view of service.views) {
      if (view.kind !== 'one-stream' || view.category !== step.category) continue
      try {
        const position = { stream, version }
        const document = await this.#ask(`${name} ${view.name}`, step.service, (runtime) =>
          runtime.document(view, stream, [position]),
        )
        this.reads.push({ view: view.name, position, version: document?.cursor?.version })
      } catch (error) {
        // A view that lags reports it.
        this.#ground.failed(name, 'asking', error)
      }
    }
  }

  /** Calls any process of a service. @throws TidemarkError `unavailable` without an answer in time. */
  #ask<Answer>(about: string, service: string, task: (runtime: Runtime) => Promise<Answer>): Promise<Answer> {
    const ground = this.#ground
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new TidemarkError('unavailable', 'no answer'))
      ground.timeline.after(PATIENCE_MS, giveUp)
      ground.timeline.after(ground.latency(ground.dice.hash(about), 1), () => {
        const living = this.#world.listProcesses(service)
        if (living.length === 0) return
        const process = ground.dice.pick(`${about} goes to`, living)
        process.serve(about, () => task(process.runtime)).then(resolve, reject)
      })
    })
  }

  #findDecider({ service, category }: Step): AnyDecider {
    const { deciders } = this.#world.findStores(service).service
    const found = deciders.find((decider) => decider.category === category)
    if (found === undefined) throw new Error(`${service} has no ${category}`)
    return found
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#ground.timeline.after(milliseconds, resolve))
  }
}
