import { StartError } from '../kit/errors.ts'
import type { Running } from '../kit/lifecycle.ts'
import { loadApp } from './app.ts'
import { CosmosTrigger } from './cosmos-trigger.ts'
import { EventHubTrigger } from './event-hub-trigger.ts'
import { parseHold } from './hold.ts'
import { readHostJson } from './host-json.ts'
import { startHttp } from './http.ts'
import { Invoker } from './invocation.ts'
import { flushFailures, log, setLogRules } from './log.ts'
import type { LogLevel } from './protocol.ts'
import { type RegisteredFunction, registrations } from './registrations.ts'
import { checkRetry } from './retry.ts'
import { Router } from './router.ts'
import type { Settings } from './settings.ts'
import { TimerTrigger } from './timer-trigger.ts'
import type { Trigger } from './trigger.ts'
import { TriggerOptions } from './trigger-options.ts'

/** Options of `startHost`. */
export interface HostOptions {
  /** The folder with package.json and host.json. */
  readonly root: string
  /** The glob of the function files in the folder; undefined: `main` of package.json. */
  readonly main?: string | undefined
  /** 0 for any free port. */
  readonly port: number
  /** Application settings; by default the environment, which the functions see in any case. */
  readonly settings?: Settings | undefined
  /** The bearer token that every HTTP request must have; undefined: none. */
  readonly token?: string | undefined
  /** Log level of the lines that list the functions; by default `information`. */
  readonly listLevel?: LogLevel | undefined
  /** Settles when the triggers may start; without it they start at once. HTTP is served meanwhile. */
  readonly mayTrigger?: Promise<void> | undefined
}

/** How long invocations in flight may continue after the host stops. */
const DRAIN_MS = 5000
const DEFAULT_BODY_LIMIT = 100 * 1024 * 1024

/**
 * Runs the functions of an app in this process. Call it once per process, because the app's modules register
 * their functions for the whole process.
 *
 * @throws StartError if the app or its settings cannot work.
 *
 * @example
 * const host = await startHost({ root: 'my-app', port: 0 })
 * const answer = await fetch(`${host.address}/api/hello`)
 * await host.stop()
 */
export async function startHost(options: HostOptions): Promise<Running> {
  const { root, main, port, settings = process.env, token, listLevel = 'information', mayTrigger } = options
  const maxBodyBytes = bodyLimit(settings)
  const hostJson = await readHostJson(root, settings)
  setLogRules(hostJson.logLevels)
  const { model, functions, capabilities } = await loadApp(root, main)
  const includeEmpty = Boolean(capabilities.IncludeEmptyEntriesInMessagePayload?.trim())
  const invoker = new Invoker(model, registrations, hostJson.functionTimeoutMs, parseHold(settings))
  const httpFunctions: RegisteredFunction[] = []
  const triggers: Trigger[] = []
  const others: [name: string, type: string][] = []
  for (const registered of functions) {
    checkBindings(registered)
    checkRetry(registered)
    const { type } = new TriggerOptions(registered, settings).binding
    switch (type.toLowerCase()) {
      case 'httptrigger':
        httpFunctions.push(registered)
        continue
      case 'timertrigger':
        triggers.push(new TimerTrigger(registered, settings, invoker))
        break
      case 'eventhubtrigger':
        triggers.push(new EventHubTrigger(registered, settings, invoker, { host: hostJson.eventHubs, includeEmpty }))
        break
      case 'cosmosdbtrigger':
        triggers.push(new CosmosTrigger(registered, settings, invoker))
        break
      default:
        throw new StartError(`function ${registered.metadata.name}: the local host has no ${type}`)
    }
    others.push([registered.metadata.name, type])
  }
  const router = new Router(httpFunctions, hostJson.routePrefix, settings)
  await invoker.runAppHooks('appStart', root)
  const http = await startHttp(router, invoker, { port, maxBodyBytes, drainMs: DRAIN_MS, token })
  let stopping = false
  const begin = (): void => {
    if (!stopping) for (const trigger of triggers) trigger.start()
  }
  if (mayTrigger) void mayTrigger.then(begin)
  else begin()

  for (const { name, methods, path } of router.routes) log(listLevel, name, `${methods}${http.address}${path}`)
  for (const [name, type] of others) log(listLevel, name, type)
  return {
    address: http.address,
    async stop() {
      stopping = true
      await Promise.all([http.stop(), ...triggers.map((trigger) => trigger.stop(DRAIN_MS))])
      await invoker.runAppHooks('appTerminate', root)
      flushFailures()
    },
  }
}

/** https://learn.microsoft.com/azure/azure-functions/functions-app-settings#functions_request_body_size_limit */
function bodyLimit({ FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: text }: Settings): number {
  if (!text) return DEFAULT_BODY_LIMIT
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new StartError(`FUNCTIONS_REQUEST_BODY_SIZE_LIMIT is ${JSON.stringify(text)}: set it to a number of bytes`)
  return Number(text)
}

/** Refuses inputs and outputs other than the trigger and an HTTP answer. */
function checkBindings({ metadata }: RegisteredFunction): void {
  for (const { type, direction } of Object.values(metadata.bindings)) {
    const known = direction === 'out' ? type.toLowerCase() === 'http' : /trigger$/i.test(type)
    if (!known)
      throw new StartError(
        `function ${metadata.name}: the local host has no ${direction === 'out' ? 'output' : 'input'} ${type}`,
      )
  }
}
