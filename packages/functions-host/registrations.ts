import { StartError } from '../kit/errors.ts'
import type { FunctionCallback, FunctionMetadata, ProgrammingModel } from './protocol.ts'

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata
  readonly callback: FunctionCallback
}

type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log'
export type HookCallback = (context: Record<string, unknown>) => unknown

// Names that the host accepts:
// https://learn.microsoft.com/azure/azure-functions/functions-reference-node#function-names (?)
const NAME = /^[a-z][a-z0-9_-]{0,127}$/i

/** The functions and hooks that the function files register while they are loaded. */
export class Registrations {
  readonly #functions = new Map<string, RegisteredFunction>()
  readonly #hooks: Record<HookName, HookCallback[]> = {
    appStart: [],
    appTerminate: [],
    preInvocation: [],
    postInvocation: [],
    log: [],
  }
  #model: ProgrammingModel | undefined
  #closed = false

  /** Ends the registration of functions. */
  close(): void {
    this.#closed = true
  }

  /** @throws StartError for a name that is taken, or that the host would refuse. */
  addFunction(metadata: FunctionMetadata, callback: FunctionCallback): void {
    if (this.#closed) throw new Error('A function can only be registered during app startup.')
    const { name } = metadata
    if (!NAME.test(name))
      throw new StartError(`function ${JSON.stringify(name)}: a name is a letter, then letters, digits, - and _`)
    // The host ignores case in names, because they are parts of a path.
    const key = name.toLowerCase()
    if (this.#functions.has(key)) throw new StartError(`function ${name} is registered twice`)
    if (typeof callback !== 'function') throw new StartError(`function ${name} has no handler`)
    this.#functions.set(key, { metadata, callback })
  }

  /** @returns a function that removes the hook. */
  addHook(name: string, callback: HookCallback): () => void {
    if (!Object.hasOwn(this.#hooks, name)) throw new RangeError(`Unrecognized hook "${name}"`)
    const hooks = this.#hooks[name as HookName]
    hooks.push(callback)
    return () => {
      const index = hooks.indexOf(callback)
      if (index >= 0) hooks.splice(index, 1)
    }
  }

  setModel(model: ProgrammingModel): void {
    this.#model = model
  }

  get model(): ProgrammingModel | undefined {
    return this.#model
  }

  get functions(): RegisteredFunction[] {
    return [...this.#functions.values()]
  }

  /** Runs hooks as the worker does: one after another, each awaited. */
  async runHooks(name: HookName, context: Record<string, unknown>): Promise<void> {
    for (const hook of [...this.#hooks[name]]) await hook(context)
  }

  /** Calls log hooks at once without awaiting them, to keep the order of log lines. */
  runLogHooks(context: Record<string, unknown>): void {
    for (const hook of this.#hooks.log) hook(context)
  }
}

/** The registrations of this process. `@azure/functions` finds its host by a module name, so there is only one. */
export const registrations: Registrations = new Registrations()
