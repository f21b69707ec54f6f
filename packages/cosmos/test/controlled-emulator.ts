import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Child } from '../../kit/child.ts'
import { EMULATOR_KEY } from '../../test-support/cosmos.ts'
import { startEmulator, temporaryFolder } from './emulator.ts'
import type { CosmosTarget } from './support.ts'

/** An answer of the control endpoint. */
export interface ControlAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: the tests check its content
  readonly body: any
}

/** An emulator process with its control endpoint. */
export interface ControlledEmulator {
  readonly child: Child
  readonly target: CosmosTarget
  /** The address of the control endpoint, such as `http://127.0.0.1:5300`. */
  readonly address: string
  call(method: string, path: string, body?: unknown): Promise<ControlAnswer>
}

export const controlFile = (folder: string): string => join(folder, 'control.json')

/** A folder that exists as long as the test runs. */
export async function newFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return folder.path
}

/** Starts an emulator with its control endpoint for the time of the test. */
export async function startControlled(t: TestContext, folder?: string): Promise<ControlledEmulator> {
  const home = folder ?? (await newFolder(t))
  const child = await startEmulator(home, 0, { COSMOS_EMULATOR_CONTROL_PORT: '0' })
  t.after(() => child.stop())
  const { address, pid } = JSON.parse(await readFile(controlFile(home), 'utf8')) as { address: string; pid: number }
  if (pid !== child.pid) throw new Error(`the control endpoint belongs to process ${pid}`)
  return {
    child,
    target: { endpoint: child.address, key: EMULATOR_KEY, stop: () => child.stop() },
    address,
    async call(method, path, body) {
      const response = await fetch(`${address}${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      return { status: response.status, body: await response.json() }
    },
  }
}
