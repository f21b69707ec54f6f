import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Jobs } from './worker.ts'

const GIVE_UP_AFTER_MS = 900_000
const WORKER = fileURLToPath(new URL('./worker.ts', import.meta.url))

type Options<Name extends keyof Jobs> = Parameters<Jobs[Name]>[0]
type Result<Name extends keyof Jobs> = Awaited<ReturnType<Jobs[Name]>>

/** A client in a process of its own, so that it does not use the broker's core or the bench's. */
export interface ClientProcess {
  readonly pid: number
  /** Runs one job at a time. @throws the job's error, or an error if the process ends or the job does not. */
  run<Name extends keyof Jobs>(job: Name, options: Options<Name>): Promise<Result<Name>>
  stop(): Promise<void>
}

export async function startClient(): Promise<ClientProcess> {
  const child = fork(WORKER)
  await once(child, 'spawn')
  const exited = once(child, 'exit')
  const ended = exited.then(() => {
    throw new Error('the client process ended')
  })
  ended.catch(() => {})
  return {
    pid: child.pid ?? -1,
    async run(job, options) {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) })
      child.send({ job, options })
      const [{ result, failed }] = await Promise.race([answer, ended])
      if (failed !== undefined) throw new Error(`${job}: ${failed}`)
      return result
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
