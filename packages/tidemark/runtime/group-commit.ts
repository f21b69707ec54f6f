import type { CommandOutcome, CommandRequest } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type CommandDependencies, handleCommands, type OnAppended, type WaitingCommand } from './command.ts'

/** How many commands may wait for one stream. */
const MAX_WAITING = 1_000

/** Carries out a command: see `handleCommands`. */
export type HandleCommand = (
  decider: AnyDecider,
  request: CommandRequest,
  onAppended?: OnAppended,
) => Promise<CommandOutcome>

/**
 * Carries out commands, those of one stream in groups: while one group is appended, the commands that come
 * for its stream wait, and then go together in one write. So a stream that many write to takes as many
 * commands in one round trip as wait for it. Streams go side by side.
 *
 * A command fails as `handleCommands` says, and with `stream-contended` where too many wait for its stream.
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
      else reject(new TidemarkError('stream-contended', `${MAX_WAITING} commands wait for ${request.stream} already`))
    })
}

/**
 * Takes the commands that wait, in their order, up to the first that repeats a key: it is answered by what
 * the key led to.
 */
function takeGroup(queue: WaitingCommand[]): readonly WaitingCommand[] {
  const keys = new Set<string>()
  const repeat = queue.findIndex(({ request: { key } }) => keys.size === keys.add(key).size)
  return queue.splice(0, repeat === -1 ? queue.length : repeat)
}
