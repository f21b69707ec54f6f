import { randomUUID } from 'node:crypto'
import { describe, log, logFailure } from './log.ts'
import type { CoreInvocationContext, InvocationRequest, InvocationResponse, ProgrammingModel } from './protocol.ts'
import type { RegisteredFunction, Registrations } from './registrations.ts'

/** Runs functions as the Node.js worker does: hooks, arguments, handler, response. */
export class Invoker {
  readonly #model: ProgrammingModel
  readonly #registrations: Registrations
  /** Shared by the hooks of every invocation. */
  readonly #appHookData: Record<string, unknown> = {}

  constructor(model: ProgrammingModel, registrations: Registrations) {
    this.#model = model
    this.#registrations = registrations
  }

  /**
   * https://github.com/Azure/azure-functions-nodejs-worker/blob/v3.x/src/eventHandlers/InvocationHandler.ts
   * @throws what the function or a hook throws, after a line in the log.
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
        log(hooked.level, metadata.name, hooked.message)
      },
    }
    try {
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
      logFailure(metadata.name, `failed: ${describe(error)}`)
      throw error
    } finally {
      delete core.state
    }
  }

  /** The hooks of the whole app. */
  async runAppHooks(name: 'appStart' | 'appTerminate', functionAppDirectory: string): Promise<void> {
    await this.#registrations.runHooks(name, { hookData: {}, appHookData: this.#appHookData, functionAppDirectory })
  }
}
