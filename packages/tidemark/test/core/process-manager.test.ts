import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { eventType } from '../../core/event.ts'
import { processManager } from '../../core/process-manager.ts'
import { notes } from '../domain/notes.ts'
import { recorded } from '../support/recorded.ts'

const Rung = eventType('Rung', z.object({ door: z.string().optional() }))
const events = [Rung] as const
const process = processManager(
  'caretaker',
  notes,
  [
    {
      service: 'doors',
      category: 'bell',
      events,
      startsAt: 'first',
      correlate: ({ data }) =>
        data.door === undefined
          ? undefined
          : { id: data.door, command: { type: 'write', data: { count: 1, bytes: 1 } } as never },
    },
  ],
  { service: 'noting', events: [], startsAt: 'first', react: async () => {} },
)

describe('a process manager', () => {
  it('has a reaction for each input, and one to its own events', () => {
    assert.deepEqual(
      process.reactions.map(({ name, service, category }) => ({ name, service, category })),
      [
        { name: 'caretaker-bell', service: 'doors', category: 'bell' },
        { name: 'caretaker-steps', service: 'noting', category: 'notes' },
      ],
    )
  })

  it("receives an event as a command with the event's position as its id, if the event correlates", async () => {
    const sent: unknown[] = []
    const [inputReaction] = process.reactions
    for (const event of recorded('bell-1', { type: 'Rung', data: {} }, { type: 'Rung', data: { door: 'front' } }))
      await inputReaction?.react(
        event,
        async (decider, id, commandId, command) => {
          sent.push([decider.category, id, commandId, command.type])
          return { outcome: 'done', events: [] }
        },
        async () => assert.fail('nothing is scheduled'),
      )
    assert.deepEqual(sent, [['notes', 'front', 'bell-1@2', 'write']])
  })
})
