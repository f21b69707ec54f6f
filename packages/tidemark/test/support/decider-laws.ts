import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Command, type Decider, type DomainEvent, isRefusal, type Service } from 'tidemark'
import { moment } from 'tidemark/testing'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import { checkWritten, validate } from '../../core/schema.ts'
import { toPublicEvent } from '../../core/service.ts'
import { formatStream } from '../../core/stream.ts'
import { decide as decideAsRuntime } from '../../runtime/command.ts'

const RUNS = 500

/** The time between two commands, in seconds. */
const pause = fc.constantFrom(0, 1, 900)

/** A decider, and the data of the commands to test it with. */
export interface DeciderLaws<State, Cmd extends Command, Event extends DomainEvent> {
  readonly service: Service
  readonly decider: Decider<State, Cmd, Event>
  /** The data of each declared command, valid by its schema. */
  readonly data: { readonly [Type in Cmd['type']]: fc.Arbitrary<Extract<Cmd, { type: Type }>['data']> }
  /** Asserts what must hold after every event, given all events so far and the state that they lead to. */
  invariant(events: readonly Event[], state: State): void
}

/**
 * Decides random commands, as the runtime does, at any state that commands can reach. A decision must not
 * throw, must be the same when repeated, and must not change the state. Its private and public events must
 * fit their schemas. The state must be plain JSON, and the invariant must hold after every event. Fails if a
 * declared command, event or refusal was never seen: the check is incomplete, or the declaration is dead.
 */
export function holdsLaws<State, Cmd extends Command, Event extends DomainEvent>({
  service,
  decider,
  data,
  invariant,
}: DeciderLaws<State, Cmd, Event>): void {
  const types = Object.entries<fc.Arbitrary<unknown>>(data)
  // Cloned to look like parsed JSON, because fast-check also makes objects without a prototype.
  const command = fc.oneof(
    ...types.map(([type, arbitrary]) => arbitrary.map((its) => structuredClone({ type, data: its }) as Cmd)),
  )
  const metadata = { actor: 'tester', correlation: 'test', causation: 'command:test' }
  const request = { stream: formatStream(decider.category, '1'), key: 'test', receipts: 'none', metadata } as const
  const seen = new Set<string>()
  let decisions = 0
  fc.assert(
    fc.property(fc.array(fc.tuple(command, pause), { maxLength: 25, size: 'max' }), (commands) => {
      let state = frozen(decider.initial)
      const events: Event[] = []
      let seconds = 0
      for (const [sent, after] of commands) {
        checkSent(decider, sent)
        seconds += after
        const now = moment(seconds)
        const before = { state, head: { ...EMPTY_STREAM, version: events.length }, time: '' }
        const decide = () => decideAsRuntime(decider, before, { ...request, command: frozen(sent) }, now)
        const decision = decide()
        assert.deepEqual(decide(), decision)
        decisions += 1
        seen.add(sent.type)
        if (isRefusal(decision)) {
          assert.match(decision.detail, /./)
          seen.add(decision.code)
          continue
        }
        for (const event of decision as readonly Event[]) {
          checkWritten(decider.events, event)
          const publicEvent = toPublicEvent(service, event)
          if (publicEvent)
            checkWritten(
              service.publishes.map(({ publicEvent: published }) => published),
              publicEvent,
            )
          state = frozen(decider.evolve(state, frozen(event)))
          events.push(event)
          seen.add(event.type)
          assert.deepEqual(JSON.parse(JSON.stringify(state)), state, 'a snapshot keeps the whole state')
          invariant(events, state)
        }
      }
    }),
    { numRuns: RUNS },
  )
  const { commands, events, refusals = {} } = decider
  const expected = [...commands, ...events].map(({ name }) => name).concat(Object.keys(refusals))
  if (commands.some(({ creates }) => !creates)) expected.push('stream-not-found')
  assert.deepEqual([...seen].toSorted(), [...new Set(expected)].toSorted())
  console.log(`# ${decider.category}: ${decisions} decisions`)
}

/** A command handler passes valid data on unchanged. */
function checkSent(decider: { readonly commands: Decider<unknown, Command, DomainEvent>['commands'] }, sent: Command) {
  const type = decider.commands.find(({ name }) => name === sent.type)
  assert.ok(type, `${sent.type} is not declared`)
  assert.deepEqual(validate(type.schema, sent.data), { outcome: 'valid', value: sent.data })
}

/** The same value, deeply frozen, so that any change of it throws. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}
