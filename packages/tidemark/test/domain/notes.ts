import { z } from 'zod'
import { type CommandOf, commandType, type Decider } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'

const noteCommands = [
  commandType('write', z.object({ count: z.int(), bytes: z.int() }), { creates: true }),
  commandType('misspell', z.object({}), { creates: true }),
  commandType('crash', z.object({}), { creates: true }),
] as const
const Noted = eventType('Noted', z.object({ text: z.string() }))

/** A deliberately bad decider: it appends as many notes of as many bytes as the command says, or throws. */
export const notes: Decider<null, CommandOf<(typeof noteCommands)[number]>, EventOf<typeof Noted>> = {
  category: 'notes',
  commands: noteCommands,
  events: [Noted],
  initial: null,
  evolve: () => null,
  decide(_, command) {
    if (command.type === 'crash') throw new TypeError('the decider has a fault')
    const { count, bytes } = command.type === 'write' ? command.data : { count: 1, bytes: 1 }
    const data = { text: 'x'.repeat(bytes), ...(command.type === 'misspell' ? { txet: '' } : {}) }
    return Array.from({ length: count }, () => ({ type: 'Noted', data }))
  },
}
