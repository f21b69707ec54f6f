import { erasure } from '../core/erasure.ts'
import { TidemarkError } from '../core/errors.ts'
import type { SubjectState } from '../core/operations.ts'
import { parseKeyId, subjectId } from '../core/personal.ts'
import type { Clock, SubjectKey } from '../core/ports.ts'
import { formatPosition, formatStream } from '../core/stream.ts'
import type { HandleCommand } from './group-commit.ts'
import { FRESH_MS, KEPT_MS, type Personal } from './personal.ts'

/** For timers that end early, and clocks that differ in pace. Milliseconds. */
const MARGIN_MS = 100

export interface ForgetDependencies {
  readonly personal: Pick<Personal, 'look' | 'destroy'>
  readonly command: HandleCommand
  readonly clock: Pick<Clock, 'now' | 'wait'>
  /** Drops the states that this process keeps. */
  forgetStates(): void
}

/** Whether a subject has a key. @throws TidemarkError as `PersonalKeys.look` */
export async function lookSubject({ personal }: Pick<ForgetDependencies, 'personal'>, subject: string) {
  return describeSubject(subject, await personal.look(subject))
}

/**
 * Forgets a subject: destroys its key, waits until no process seals with it, then records that in the log. After a
 * crash in between, the same call records it.
 * @returns its state, and the position of the event. A subject without a key stays as it is.
 * @throws TidemarkError as `PersonalKeys.destroy`, and any error of the command
 */
export async function forgetSubject(
  { personal, command, clock, forgetStates }: ForgetDependencies,
  subject: string,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<SubjectState> {
  const destroyed = await personal.destroy(subject, { time: clock.now(), actor: by, reason })
  if (destroyed === undefined) return describeSubject(subject, undefined)
  forgetStates()
  // Until then another process may seal a text with the destroyed key. Such a command counts as one of before.
  await clock.wait(FRESH_MS + MARGIN_MS)
  const { keyId, forgotten } = destroyed
  const stream = formatStream(erasure.category, parseKeyId(keyId).subject)
  const key = `forget:${keyId}`
  const result = await command(erasure, {
    ...{ stream, key, receipts: 'unchanged' },
    command: { type: 'record', data: { key: keyId, reason: forgotten.reason } },
    metadata: { actor: forgotten.actor, correlation: key, causation: key },
  })
  if (result.outcome === 'refused') throw new TidemarkError('internal', `the command was refused: ${result.code}`)
  return { ...describeSubject(subject, destroyed), position: formatPosition({ stream, version: result.version }) }
}

function describeSubject(subject: string, known: SubjectKey | undefined): SubjectState {
  const id = subjectId(subject)
  if (known === undefined) return { subject: id, state: 'no-key' }
  const { keyId, forgotten } = known
  if (forgotten === undefined) return { subject: id, state: 'has-key', key: keyId }
  // Until then another process may keep the key.
  const everywhere = new Date(Date.parse(forgotten.time) + KEPT_MS).toISOString()
  return { subject: id, state: 'forgotten', key: keyId, forgotten: { ...forgotten, everywhere } }
}
