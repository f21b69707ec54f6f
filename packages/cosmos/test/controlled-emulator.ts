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
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests are about
  readonly body: any
}

/** A process of the embedded endpoint with its control endpoint. */
export interface ControlledEmulator {
  readonly child: Child
  readonly target: CosmosTarget
  /** Of the control endpoint, such as `http://127.0.0.1:5300`. */
  readonly address: string
  call(method: string, path: string, body?: unknown): Promise<ControlAnswer>
}

export const controlFile = (folder: string): string => join(folder, 'control.json')

/** A folder that is there as long as the test is. */
export async function newFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return folder.path
}

/** Starts it with its control endpoint, as long as the test is. */
export async function startControlled(t: TestContext, folder?: string): Promise<ControlledEmulator> {
  const home = folder ?? (await newFolder(t))
  const child = await startEmulator(home, 0, { COSMOS_EMULATOR_CONTROL_PORT: '0' })
  t.after(() => child.stop())
  const { address, pid } = JSON.parse(await readFile(controlFile(home), 'utf8')) as { address: string; pid: number }
  if (pid !== child.pid) throw new Error(`the control endpoint is that of process ${pid}`)
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
