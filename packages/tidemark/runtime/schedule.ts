import type { CommandRequest, CommandResult } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Schedule, ScheduledCommand } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { parseCategory } from '../core/stream.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'

import { describeKeptOutcome } from './react.ts'

const PAGE = 100

export interface ScheduleDependencies {
  readonly schedule: Schedule
  /** The service's deciders. */
  readonly deciders: readonly AnyDecider[]
  command(decider: AnyDecider, request: CommandRequest): Promise<CommandResult>
}

/**
 * Sends every scheduled command that is due by the store's clock, and removes it once it took effect or was
 * refused. The decision is dated at the due time or later, so no decider finds it too early. After a crash in
 * between, the command is sent again with the same id and takes effect once. A command that fails stays for
 * the next call and does not stop the others.
 * @returns the number of commands sent.
 * @throws TidemarkError the first failure, after all others were sent.
 */
export async function sendDue(deps: ScheduleDependencies, trace: Trace): Promise<number> {
  const { schedule } = deps
  let failure: { readonly error: unknown } | undefined
  let sent = 0
  for await (const page of schedule.due(PAGE))
    await forEachLimited(page, CONCURRENCY, async (scheduled) => {
      try {
        await sendOne(deps, scheduled, trace)
        await schedule.remove(scheduled)
        sent += 1
      } catch (error) {
        failure ??= { error }
      }
    })
  if (failure) throw failure.error
  return sent
}

async function sendOne(deps: ScheduleDependencies, scheduled: ScheduledCommand, trace: Trace): Promise<void> {
  const { stream, key, due, command, metadata } = scheduled
  const decider = deps.deciders.find(({ category }) => category === parseCategory(stream))
  if (decider === undefined)
    throw new TidemarkError('internal', `there is no decider for the scheduled command to ${stream}`)
  const result = await deps.command(decider, { stream, key, receipts: 'all', command, metadata, notBefore: due })
  if (result.contentDiffers) trace(describeKeptOutcome(metadata, stream, key), 'warn')
  if (result.outcome === 'done') return
  trace(`${metadata.causation}: ${stream} refused ${command.type}: ${result.code}: ${result.detail}`, 'debug')
}
