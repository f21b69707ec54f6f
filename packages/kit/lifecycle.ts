import { StartError } from './errors.ts'
import { whenNpxEnds } from './npx.ts'

/** A running part: its address for people, and how it ends. */
export interface Running {
  /** Shown to the user and handed to the parent, such as `http://127.0.0.1:8081`. */
  readonly address: string
  /** Finishes what is in flight, closes files and sockets. Called once. */
  stop(): Promise<void>
}

/** A running part that a person started, with what else that person is told. */
export interface RunningCommand extends Running {
  readonly lines?: readonly string[]
}

/** Said at a start with `--fast`. */
export const FAST_LINE = '--fast: acknowledged is not on disk'

const USAGE = 2

/**
 * The life of one process of the local cloud. Started by a parent over IPC it reports `{ready: address}` and
 * ends when the parent says SIGTERM or is gone, so that no process outlives the command that started it;
 * started by hand it ends on Ctrl-C too, and with npx. What the caller gave wrong is exit code 2, any other
 * reason not to start is 1.
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
    // A Ctrl-C reaches every process of the terminal at once; the parent alone decides the order of the end.
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
