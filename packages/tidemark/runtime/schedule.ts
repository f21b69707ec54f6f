import type { CommandOutcome, CommandRequest } from '../core/command.ts'
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
  /** Those of the service. */
  readonly deciders: readonly AnyDecider[]
  command(decider: AnyDecider, request: CommandRequest): Promise<CommandOutcome>
}

/**
 * Sends every scheduled command whose time has come by the store's clock, and forgets it once it took effect
 * or was refused. It is decided as of its time or later, so no decider finds it too early. Where a crash
 * comes between, it is sent again with the id it had and does nothing twice. One that fails stays for the
 * next time, and keeps no other from being sent.
 * @returns how many were sent.
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
  if (decider === undefined) throw new TidemarkError('internal', `no decider for the scheduled command to ${stream}`)
  const outcome = await deps.command(decider, { stream, key, receipts: 'all', command, metadata, notBefore: due })
  if (outcome.contentDiffers) trace(describeKeptOutcome(metadata, stream, key), 'warn')
  if (outcome.done) return
  trace(`${metadata.causation}: ${stream} refused ${command.type}: ${outcome.code}: ${outcome.detail}`, 'debug')
}
