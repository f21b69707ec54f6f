import { randomUUID } from 'node:crypto'
import { Activity } from './activity.ts'
import type { Hold } from './hold.ts'
import { describe, log, logFailure } from './log.ts'
import type { CoreInvocationContext, InvocationRequest, InvocationResponse, ProgrammingModel } from './protocol.ts'
import type { RegisteredFunction, Registrations } from './registrations.ts'

const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** Runs functions as the Node.js worker does: hooks, arguments, handler, response. */
export class Invoker {
  readonly #model: ProgrammingModel
  readonly #registrations: Registrations
  /** Shared by the hooks of every invocation. */
  readonly #appHookData: Record<string, unknown> = {}

  readonly #timeoutMs: number | undefined
  readonly #hold: Hold
  readonly activity = new Activity()

  /** @param timeoutMs a function that runs longer ends the host; undefined: no limit. */
  constructor(model: ProgrammingModel, registrations: Registrations, timeoutMs: number | undefined, hold: Hold) {
    this.#model = model
    this.#registrations = registrations
    this.#timeoutMs = timeoutMs
    this.#hold = hold
  }

  /**
   * Runs one invocation.
   * https://github.com/Azure/azure-functions-nodejs-worker/blob/v3.x/src/eventHandlers/InvocationHandler.ts
   * @throws what the function or a hook throws, after logging it.
   */
  async invoke({ metadata, callback }: RegisteredFunction, request: InvocationRequest): Promise<InvocationResponse> {
    const invocationId = randomUUID()
    let invocationContext: unknown
    const core: CoreInvocationContext = {
      invocationId,
      metadata,
      request: { ...request, invocationId },
      log: (level, category, message) => {
        const hooked = { level, category, message, invocationContext, hookData: {}, appHookData: this.#appHookData }
        this.#registrations.runLogHooks(hooked)
        log(hooked.level, metadata.name, hooked.message, `Function.${metadata.name}.User`)
      },
    }
    const timer = this.#watch(metadata.name)
    const ended = this.activity.begin()
    try {
      await this.#hold(metadata.name)
      const model = this.#model.getInvocationModel(core)
      const { context, inputs } = await model.getArguments()
      invocationContext = context
      const shared = { hookData: {}, appHookData: this.#appHookData, invocationContext: context }

      core.state = 'preInvocationHooks'
      const before = { ...shared, inputs, functionCallback: callback }
      await this.#registrations.runHooks('preInvocation', before)

      const after: { result: unknown; error: unknown } & typeof shared & { inputs: unknown[] } = {
        ...shared,
        inputs: before.inputs,
        result: null,
        error: null,
      }
      core.state = 'invocation'
      try {
        after.result = await model.invokeFunction(context, before.inputs, before.functionCallback)
      } catch (error) {
        after.error = error ?? new Error('the function threw nothing')
      }
      core.state = 'postInvocationHooks'
      await this.#registrations.runHooks('postInvocation', after)
      if (after.error !== null && after.error !== undefined) throw after.error
      return await model.getResponse(context, after.result)
    } catch (error) {
      logFailure(metadata.name, `failed: ${describe(error)}`, `Function.${metadata.name}`)
      throw error
    } finally {
      clearTimeout(timer)
      ended()
      delete core.state
    }
  }

  /** At the time limit the real host ends the worker with everything in it. Here the worker is this process. */
  #watch(name: string): NodeJS.Timeout | undefined {
    if (this.#timeoutMs === undefined) return undefined
    return setTimeout(
      () => {
        log('critical', name, `has not ended within functionTimeout, ${this.#timeoutMs} ms: the host ends`)
        process.exit(1)
      },
      Math.min(this.#timeoutMs, MAX_TIMEOUT_MS),
    ).unref()
  }

  /** Runs the hooks of the whole app. */
  async runAppHooks(name: 'appStart' | 'appTerminate', functionAppDirectory: string): Promise<void> {
    await this.#registrations.runHooks(name, { hookData: {}, appHookData: this.#appHookData, functionAppDirectory })
  }
}
