import { StartError } from './errors.ts'
import { whenNpxEnds } from './npx.ts'

/** A running part of the local cloud. */
export interface Running {
  /** Address shown to the user and sent to the parent, such as `http://127.0.0.1:8081`. */
  readonly address: string
  /** Finishes work in flight, then closes files and sockets. Called once. */
  stop(): Promise<void>
}

/** A running part, with further lines to print if it was started by hand. */
export interface RunningCommand extends Running {
  readonly lines?: readonly string[]
}

/** Printed at a start with `--fast`. */
export const FAST_LINE = '--fast: acknowledged data may not be on disk yet'

const USAGE = 2

/**
 * Runs one process of the local cloud until it ends. Started by a parent over IPC, it reports
 * `{ready: address}`. It ends on the parent's SIGTERM or when the parent is gone, so no process outlives the command
 * that started it. Started by hand, it also ends on Ctrl-C and with npx. Exit code 2 means wrong arguments, 1
 * any other failed start.
 */
export async function run(start: () => Promise<RunningCommand>): Promise<void> {
  const parented = process.connected
  try {
    const running = await start()
    let stopping = false
    const stop = (): void => {
      if (stopping) return
      stopping = true
      running.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error)
          process.exit(1)
        },
      )
    }
    process.on('SIGTERM', stop)
    // A Ctrl-C reaches every process of the terminal at once, but the parent decides the order of ending.
    process.on('SIGINT', parented ? () => {} : stop)
    if (parented) process.on('disconnect', stop)
    else whenNpxEnds(stop)
    if (parented) process.send?.({ ready: running.address })
    else for (const line of [running.address, ...(running.lines ?? [])]) console.log(line)
  } catch (error) {
    if (!(error instanceof StartError)) console.error(error)
    else if (parented) process.send?.({ failed: error.message })
    else console.error(error.message)
    process.exitCode = error instanceof Error && error.name === 'UsageError' ? USAGE : 1
    if (parented) process.disconnect?.()
  }
}
