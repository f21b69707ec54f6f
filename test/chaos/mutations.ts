import type { FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'

/** A change of the runtime that breaks one of its promises. */
export interface Mutation {
  readonly name: string
  /**
   * The faults under which a test notices it soon. All faults notice it too, but in more histories than a
   * test has time for. Absent: all.
   */
  readonly under?: readonly FaultKind[]
  /** The seed of a history that noticed it. It saves time to try this one first. */
  readonly seed?: number
  /** Relative to packages/tidemark/. */
  readonly file: string
  /** The code to change, which must occur exactly once. */
  readonly from: string
  readonly to: string
}

/**
 * The changes that the simulator must notice. Each is made in the source when it is loaded, so the product
 * needs no switch.
 */
export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a refusal is decided on a state that is not the newest',
    seed: 14,
    file: 'runtime/command.ts',
    from: 'if (newest.head.version !== state.head.version)',
    to: 'if (false)',
  },
  {
    name: 'a conflict is answered as if the append had succeeded',
    file: 'runtime/command.ts',
    from: 'if (answered.size > 0) return { answered, state: newest ?? state, stale: false }',
    to:
      'if (answered.size === 0) ' +
      'return { answered: await answerAll(deps.store, stream, decided), state: undefined, stale: false }',
  },
  {
    name: 'an append of unknown outcome counts as successful',
    file: 'runtime/command.ts',
    from: "if (!isTidemarkError(error, 'outcome-unknown')) throw error",
    to: "if (isTidemarkError(error, 'outcome-unknown')) return APPENDED\n    throw error",
  },
  {
    name: 'the receipt of a refusal is not stored for a reaction',
    file: 'runtime/command.ts',
    from: "if (request.receipts === 'none' || (refusal && request.receipts !== 'all'))",
    to: "if (request.receipts === 'none' || refusal)",
  },
  {
    name: 'the receipt of a command that changed nothing is not stored',
    file: 'runtime/command.ts',
    from: "if (request.receipts === 'none' || (refusal && request.receipts !== 'all'))",
    to: 'if (true)',
  },
  {
    name: 'the fingerprint of a key is not compared',
    file: 'runtime/command.ts',
    from: 'known.fingerprint !== fingerprintRequest(decider, request)',
    to: 'false',
  },
  {
    name: 'a reaction’s command has another key with each attempt',
    file: 'runtime/react.ts',
    from: 'const key = formatKey(commandId)',
    to: 'globalThis.tries = (globalThis.tries ?? 0) + 1\n    const key = formatKey(commandId) + globalThis.tries',
  },
  {
    name: 'a reaction skips an event whose command failed',
    file: 'runtime/react.ts',
    from: 'sends.run(() => declared.react(event, send, sendLater)))',
    to: 'sends.run(() => declared.react(event, send, sendLater)).catch(() => {}))',
  },
  {
    name: 'a repeated command of a reaction returns no events',
    file: 'runtime/react.ts',
    from: 'events ??= await readOutcomeEvents(deps, result).catch(throwInternal)',
    to: 'events ??= []',
  },
  {
    name: 'a command that a reaction schedules is not stored',
    file: 'runtime/react.ts',
    from: 'await deps.schedule.add(scheduled).catch(throwInternal)',
    to: '',
  },
  {
    name: 'a scheduled command is removed before it is sent',
    seed: 164,
    file: 'runtime/schedule.ts',
    from: 'await sendOne(deps, scheduled, trace)\n        await schedule.remove(scheduled)',
    to: 'await schedule.remove(scheduled)\n        await sendOne(deps, scheduled, trace)',
  },
  {
    name: 'the relay publishes the events of a stream concurrently',
    file: 'runtime/relay.ts',
    from: 'if (sound.length > 0) await publisher.publish(stream, sound, batch)',
    to: 'await Promise.all(sound.map((event) => publisher.publish(stream, [event])))',
  },
  {
    name: 'the relay continues although a publication failed',
    file: 'runtime/relay.ts',
    from: 'await publisher.publish(stream, sound, batch)',
    to: 'await publisher.publish(stream, sound, batch).catch(() => {})',
  },
  {
    name: 'commits with the same place in the feed are published in the order of arrival',
    seed: 15,
    file: 'runtime/relay.ts',
    from: 'commits.sort((a, b) => a.from - b.from).flatMap',
    to: 'commits.flatMap',
  },
  {
    name: 'a consumer reports a batch as handled before it is',
    file: 'runtime/follow.ts',
    from: 'await this.#handle(handlers, { partition, bodies: messages,',
    to:
      'this.#progress.advance(partition, this.#names, last)\n' +
      '      await this.#handle(handlers, { partition, bodies: messages,',
  },
  {
    name: 'a consumer skips a batch that failed',
    file: 'runtime/follow.ts',
    from: '...(sequences ? { sequences } : {}) }, trace)',
    to: '...(sequences ? { sequences } : {}) }, trace).catch(() => {})',
  },
  {
    name: 'skipped messages before a batch are not read',
    file: 'runtime/follow.ts',
    from: 'await this.#closeGap(partition, await this.#progress.read(partition), first, trace)',
    to: '',
  },
  {
    name: 'the lag is not checked',
    file: 'runtime/follow.ts',
    from: 'await this.#withPartitionLock(partition, () => this.#checkPartition(partition, trace))',
    to: '',
  },
  {
    name: 'a cursor is written before the documents',
    file: 'runtime/projector.ts',
    from:
      'for (const target of targets.filter(isKeyed)) await this.#applyToDocuments(target, slices, batch)\n' +
      '      const behind = new Set<string>()',
    to:
      'const behind = new Set<string>()\n' +
      '      queueMicrotask(async () => { for (const target of targets.filter(isKeyed)) ' +
      'await this.#applyToDocuments(target, slices, batch) })',
  },
  {
    name: 'events that a view has handled are applied again',
    file: 'runtime/projector.ts',
    from: 'if (version <= (versions.get(target) ?? 0)) return false',
    to: '',
  },
  {
    name: 'a gap between two events of a view is not filled',
    seed: 15,
    file: 'runtime/unseen-events.ts',
    from: 'const events = last.version - after > newer.length ? await fillGaps(source, stream, after, newer) : newer',
    to: 'const events = newer',
  },
  {
    name: 'a document is written without the applied markers of its events',
    file: 'runtime/document-writer.ts',
    from: 'etag: before?.etag }, markers)',
    to: 'etag: before?.etag }, [])',
  },
  {
    name: 'existing applied markers are ignored',
    seed: 10,
    file: 'runtime/document-writer.ts',
    from: 'left = left.filter(([marker]) => !applied.has(marker))',
    to: 'return rejected',
  },
  {
    name: 'a document of a single-stream view is overwritten without its ETag',
    under: ['late'],
    file: 'memory/view-store.ts',
    from: "if (this.#documents.get(key)?.etag !== etag) return { outcome: 'conflict' }",
    to: '',
  },
  {
    name: 'a cursor moves past a document that could not be written',
    file: 'runtime/projector.ts',
    from: 'return this.#failed.get(target)?.get(stream)?.version',
    to: 'return undefined',
  },
  {
    name: 'events count as applied before their document is written',
    file: 'runtime/document-writer.ts',
    from: 'const rejected = await this.#write(key, events)',
    to: 'const rejected = []\n        void this.#write(key, events).catch(() => {})',
  },
  {
    name: 'a decided state is cached before it is appended',
    file: 'runtime/command.ts',
    from: 'const result = kept.length > 0 ? await appendKnown(deps.store, stream, state, kept) : APPENDED',
    to:
      'deps.cache.set(stream, end)\n' +
      '  const result = kept.length > 0 ? await appendKnown(deps.store, stream, state, kept) : APPENDED',
  },
  {
    name: 'the machine’s time of day is used',
    file: 'cosmos/store-clock.ts',
    from: 'this.#estimate ? this.elapsed() + this.#drifted(this.#estimate).earliest : this.#host.time()',
    to: 'this.#host.time()',
  },
  {
    name: 'a due command is decided as of the machine’s clock',
    seed: 154,
    under: ['slow'],
    file: 'runtime/schedule.ts',
    from: ', notBefore: due }',
    to: ' }',
  },
  {
    name: 'a loss of messages in a hub is not reported',
    seed: 15,
    under: ['expire'],
    file: 'runtime/follow.ts',
    from: 'if (this.#reportedLost.get(partition)?.time === point.time) return',
    to: 'if (point) return',
  },
  {
    name: 'the pointer of a view is cached for ever',
    file: 'runtime/live-views.ts',
    from: 'if (known && now < known.until) return known.state',
    to: 'if (known) return known.state',
  },
  {
    name: 'a rebuild does not catch up with later events',
    seed: 88,
    under: ['rebuild', 'slow'],
    file: 'runtime/rebuild.ts',
    from: 'await clock.wait(CATCH_UP_EVERY_MS)\n    await catchUp()\n  }\n  await catchUp()',
    to: 'await clock.wait(CATCH_UP_EVERY_MS)\n  }',
  },
  {
    name: 'a rebuild does not wait for instances that write only the old generation',
    seed: 16,
    under: ['rebuild', 'slow', 'pause'],
    file: 'runtime/rebuild.ts',
    from: 'const expiresAt = clock.elapsed() + POINTER_EXPIRY_MS',
    to: 'const expiresAt = clock.elapsed()',
  },
  {
    name: 'a built generation is no longer written',
    seed: 35,
    under: ['rebuild', 'slow'],
    file: 'core/view-pointer.ts',
    from: 'return { ...pointer, built: target }',
    to: 'const { written: _, ...kept } = pointer\n  return { ...kept, built: target }',
  },
  {
    name: 'a rebuild whose process ended is not resumed',
    under: ['rebuild', 'end'],
    file: 'runtime/rebuild-runner.ts',
    from: 'if (silent < ENDED_AFTER_MS) continue',
    to: 'if (silent) continue',
  },
  {
    name: 'a view does not wait for the position that a reader requests',
    file: 'runtime/query.ts',
    from: 'if (behind.length === 0) {',
    to: 'if (true) {',
  },
  {
    name: 'a batch with an event that cannot be processed is redelivered for ever',
    file: 'runtime/parking.ts',
    from: 'if (lately.length <= PAUSES_AFTER) return true',
    to: 'if (lately.length <= PAUSES_AFTER) return false',
  },
  {
    name: 'a stream is blocked for a view without being parked',
    seed: 24,
    file: 'runtime/projector.ts',
    from: 'if (parking?.shouldPark(failure)) await parking.park(failure, place?.(failure), stored, trace)',
    to: 'if (parking?.shouldPark(failure)) place?.(failure)',
  },
  {
    name: 'an instance trusts its cache of parked streams',
    under: ['bug'],
    file: 'runtime/projector.ts',
    from: 'if (parked.size > 0 && !again) return this.#loadStream(stream, arrived, true, batch)',
    to: '',
  },
  {
    name: 'a reaction does not check whether a stream is parked',
    seed: 30,
    under: ['bug'],
    file: 'runtime/react.ts',
    from: 'const waiting = await parking?.waiting(key)',
    to: 'const waiting = undefined',
  },
  {
    name: 'an event that arrives while its stream is parked for a reaction is dropped',
    seed: 25,
    under: ['bug'],
    file: 'runtime/react.ts',
    from: '|| (await parking?.add(key, parkedEvents(following, later), trace))',
    to: '|| true',
  },
  {
    name: 'an event is added to a parked stream that was redriven meanwhile',
    seed: 25,
    under: ['bug'],
    file: 'runtime/parking.ts',
    from: 'all.delete(formatParkedKey(known))\n        return false',
    to: 'return true',
  },
  {
    name: 'parked streams are not retried',
    file: 'runtime/service-runtime.ts',
    from: 'redriveAll(redrives(), trace)',
    to: 'Promise.resolve()',
  },
  {
    name: 'a message that is not an event is skipped',
    file: 'runtime/consume.ts',
    from: 'await parking.keepMessage(',
    to: 'void (',
  },
  {
    name: 'the relay publishes an event that does not match its hash',
    file: 'runtime/relay.ts',
    from: 'before.findIndex((event) => !hashFits(event))',
    to: '-1',
  },
  {
    name: 'the relay publishes the events after a parked one',
    seed: 21,
    file: 'runtime/relay.ts',
    from: 'if (await parking.wait({ handler: RELAY, stream }, last)) return',
    to: '',
  },
]
