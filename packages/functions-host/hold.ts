import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { StartError } from '../kit/errors.ts'
import { log } from './log.ts'
import type { Settings } from './settings.ts'

const LOOK_EVERY_MS = 20

/** Settles when a function may run. */
export type Hold = (functionName: string) => Promise<void>

/**
 * A fault on request: invocations of the named functions wait while a file exists. This simulates a process
 * that stalls between receiving a batch and handling it. Meanwhile the process may lose its partition, and
 * another may handle the same events and later ones. The stalled function still runs afterwards, as in the
 * real host.
 * @throws StartError if FUNCTIONS_HOST_HOLD is not of the form `<function>,<function>=<file>`.
 */
export function parseHold({ FUNCTIONS_HOST_HOLD: text }: Settings): Hold {
  if (!text) return async () => {}
  const [, names, file] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (names === undefined || file === undefined)
    throw new StartError(`FUNCTIONS_HOST_HOLD is ${JSON.stringify(text)}: set it to functions and a file, a,b=file`)
  const held = new Set(names.split(','))
  return async (functionName) => {
    if (!held.has(functionName) || !existsSync(file)) return
    log('information', functionName, `is held as long as ${file} is there`)
    while (existsSync(file)) await delay(LOOK_EVERY_MS)
    log('information', functionName, 'goes on')
  }
}
