import { StartError } from '../kit/errors.ts'
import type { FunctionCallback, FunctionMetadata, ProgrammingModel } from './protocol.ts'

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata
  readonly callback: FunctionCallback
}

export type HookName = 'appStart' | 'appTerminate' | 'preInvocation' | 'postInvocation' | 'log'
export type HookCallback = (context: Record<string, unknown>) => unknown

// https://learn.microsoft.com/azure/azure-functions/functions-reference-node#function-names (?): what the host accepts.
const NAME = /^[a-z][a-z0-9_-]{0,127}$/i

/** What the function files registered while they were loaded. */
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

  /** Nothing more can be registered. */
  close(): void {
    this.#closed = true
  }

  /** @throws StartError for a name that is taken or that the host would refuse. */
  addFunction(metadata: FunctionMetadata, callback: FunctionCallback): void {
    if (this.#closed) throw new Error('A function can only be registered during app startup.')
    const { name } = metadata
    if (!NAME.test(name))
      throw new StartError(`function ${JSON.stringify(name)}: a name is a letter, then letters, digits, - and _`)
    // The host compares names without case: they are parts of a path.
    const key = name.toLowerCase()
    if (this.#functions.has(key)) throw new StartError(`function ${name} is registered twice`)
    if (typeof callback !== 'function') throw new StartError(`function ${name} has no handler`)
    this.#functions.set(key, { metadata, callback })
  }

  /** @returns takes the hook away again. */
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

  /** As the worker does: one after another, each awaited. */
  async runHooks(name: HookName, context: Record<string, unknown>): Promise<void> {
    for (const hook of [...this.#hooks[name]]) await hook(context)
  }

  /** Log hooks are called at once and not awaited: a log line has a place in the order of lines. */
  runLogHooks(context: Record<string, unknown>): void {
    for (const hook of this.#hooks.log) hook(context)
  }
}

/** Those of this process: `@azure/functions` asks for its host by a module name, so there is one. */
export const registrations: Registrations = new Registrations()
