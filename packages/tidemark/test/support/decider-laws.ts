import assert from 'node:assert/strict'
import fc from 'fast-check'
import { type Command, type Decider, type Decision, type DomainEvent, isRefusal, type Service } from 'tidemark'
import { moment } from 'tidemark/testing'
import { checkWritten, validate } from '../../core/schema.ts'
import { toPublicEvent } from '../../core/service.ts'

const RUNS = 500

/** How long after the command before it a command comes, in seconds. */
const pause = fc.constantFrom(0, 1, 900)

/** A decider, and what is thrown at it. */
export interface DeciderLaws<State, Cmd extends Command, Event extends DomainEvent> {
  readonly service: Service
  readonly decider: Decider<State, Cmd, Event>
  /** The data of each declared command, as its schema lets it pass. */
  readonly data: { readonly [Type in Cmd['type']]: fc.Arbitrary<Extract<Cmd, { type: Type }>['data']> }
  /** What holds after every event: of all events so far, and the state that they led to. */
  invariant(events: readonly Event[], state: State): void
}

/**
 * Any command at any state that commands can lead to is decided: without throwing, the same each time, with
 * events that fit their schemas (as they are kept and as they are told), leaving the state as it was, which
 * is plain JSON; and the invariant holds after every event. Fails where a declared command, event or refusal
 * was never seen: then it proves less than it says.
 * @param refusals every code that the decider refuses with.
 */
export function holdsLaws<State, Cmd extends Command, Event extends DomainEvent>(
  { service, decider, data, invariant }: DeciderLaws<State, Cmd, Event>,
  refusals: readonly string[],
): void {
  const types = Object.entries<fc.Arbitrary<unknown>>(data)
  // As parsed JSON is: fast-check also makes objects without a prototype.
  const command = fc.oneof(
    ...types.map(([type, arbitrary]) => arbitrary.map((its) => structuredClone({ type, data: its }) as Cmd)),
  )
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
        const decide = (): Decision<Event> => decider.decide(state, frozen(sent), { id: '1', now })
        const decision = decide()
        assert.deepEqual(decide(), decision)
        decisions += 1
        seen.add(sent.type)
        if (isRefusal(decision)) {
          assert.match(decision.detail, /./)
          seen.add(decision.refusal)
          continue
        }
        for (const event of decision) {
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
  const expected = [...decider.commands.map(({ name }) => name), ...decider.events.map(({ name }) => name), ...refusals]
  assert.deepEqual([...seen].toSorted(), [...new Set(expected)].toSorted())
  console.log(`# ${decider.category}: ${decisions} decisions`)
}

/** The flow passes on what the schema lets pass, as it is. */
function checkSent(decider: { readonly commands: Decider<unknown, Command, DomainEvent>['commands'] }, sent: Command) {
  const type = decider.commands.find(({ name }) => name === sent.type)
  assert.ok(type, `${sent.type} is not declared`)
  assert.deepEqual(validate(type.schema, sent.data), { valid: true, value: sent.data })
}

/** The same value, which throws where somebody changes anything of it. */
function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const inner of Object.values(value)) frozen(inner)
  }
  return value
}
