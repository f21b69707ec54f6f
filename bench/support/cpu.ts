import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** The CPU seconds that a process has used, from /proc (Linux); undefined elsewhere. */
export function cpuSeconds(pid: number): number | undefined {
  try {
    // The command's name, in brackets, may hold spaces, so fields are counted after it. proc(5): utime and
    // stime are 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return undefined
  }
}

/** Each process's share of one core during a task. */
export async function cpuShares(
  pids: Readonly<Record<string, number>>,
  task: () => Promise<void>,
): Promise<Record<string, number>> {
  const before = Object.entries(pids).map(([name, pid]) => [name, pid, cpuSeconds(pid)] as const)
  const started = performance.now()
  await task()
  const seconds = (performance.now() - started) / 1000
  return Object.fromEntries(
    before.map(([name, pid, earlier]) => [name, ((cpuSeconds(pid) ?? Number.NaN) - (earlier ?? Number.NaN)) / seconds]),
  )
}
