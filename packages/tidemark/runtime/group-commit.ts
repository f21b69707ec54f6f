import type { CommandRequest, CommandResult } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type CommandDependencies, handleCommands, type OnAppended, type WaitingCommand } from './command.ts'

/** The most commands that may wait for one stream. */
const MAX_WAITING = 1_000

/** Handles a command: see `handleCommands`. */
export type HandleCommand = (
  decider: AnyDecider,
  request: CommandRequest,
  onAppended?: OnAppended,
) => Promise<CommandResult>

/**
 * Handles commands, grouped by stream. While one group is appended, new commands for its stream wait, and
 * then share one append. So the busier a stream is, the more commands share a round trip. Streams are handled
 * concurrently.
 *
 * A command rejects as described in `handleCommands`, and with `stream-contended` if too many commands wait
 * for its stream.
 */
export function groupCommit(deps: CommandDependencies): HandleCommand {
  const queues = new Map<string, WaitingCommand[]>()

  async function work(stream: string, queue: WaitingCommand[]): Promise<void> {
    while (queue.length > 0) await handleCommands(deps, stream, takeGroup(queue))
    queues.delete(stream)
  }

  return (decider, request, onAppended = () => {}) =>
    new Promise((resolve, reject) => {
      const command = { decider, request, onAppended, resolve, reject }
      const queue = queues.get(request.stream)
      if (queue === undefined) {
        const started = [command]
        queues.set(request.stream, started)
        void work(request.stream, started)
      } else if (queue.length < MAX_WAITING) queue.push(command)
      else reject(new TidemarkError('stream-contended', `${MAX_WAITING} commands already wait for ${request.stream}`))
    })
}

/**
 * Takes the waiting commands in order, up to the first that repeats a key. That one is answered later, with
 * the key's outcome.
 */
function takeGroup(queue: WaitingCommand[]): readonly WaitingCommand[] {
  const keys = new Set<string>()
  const repeat = queue.findIndex(({ request: { key } }) => keys.size === keys.add(key).size)
  return queue.splice(0, repeat === -1 ? queue.length : repeat)
}
