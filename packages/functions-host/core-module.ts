import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { moduleFile } from '../kit/module-file.ts'
import { log as write } from './log.ts'
import type { FunctionCallback, FunctionMetadata, LogCategory, LogLevel, ProgrammingModel } from './protocol.ts'
import { type HookCallback, registrations } from './registrations.ts'

// The exports of this file are the module `@azure/functions-core`, which the Node.js worker supplies in the
// Functions host:
// https://github.com/Azure/azure-functions-nodejs-worker/blob/v3.x/src/setupCoreModule.ts

/** Versions of the worker and the host whose protocol this file follows. */
export const version = '3.9.0'
export const hostVersion = '4.1037.0'

export function setProgrammingModel(model: ProgrammingModel): void {
  registrations.setModel(model)
}

export function getProgrammingModel(): ProgrammingModel | undefined {
  return registrations.model
}

export function registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
  registrations.addFunction(metadata, callback)
  return new Disposable(() => {
    throw new Error('A function cannot be taken away once it is registered.')
  })
}

export function registerHook(name: string, callback: HookCallback): Disposable {
  return new Disposable(registrations.addHook(name, callback))
}

export function log(level: LogLevel, category: LogCategory, message: string): void {
  write(category === 'system' && level === 'information' ? 'debug' : level, 'worker', message)
}

export class Disposable {
  #dispose: (() => void) | undefined

  constructor(dispose: () => void) {
    this.#dispose = dispose
  }

  dispose(): void {
    this.#dispose?.()
    this.#dispose = undefined
  }
}

/** Makes `require` and `import` of `@azure/functions-core` load this file, in ES modules and CommonJS. */
export function supplyCoreModule(): void {
  const { href: url } = pathToFileURL(moduleFile('./core-module.ts', import.meta.url))
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === '@azure/functions-core' ? { url, shortCircuit: true } : next(specifier, context),
  })
}
