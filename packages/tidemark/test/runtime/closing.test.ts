import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { closeBooks } from '../../core/closing.ts'
import { type Command, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import type { Service } from '../../core/service.ts'
import { given } from '../../testing/given.ts'
import { everyEvent, request } from '../support/fakes.ts'
import { handlingOn } from '../support/handling.ts'
import { IMMEDIATE, Reacting } from '../support/reacting.ts'

const amount = z.object({ amount: z.int() })
const Opened = eventType('Opened', z.object({ balance: z.int() }))
const PaidIn = eventType('PaidIn', amount)
const Closed = eventType('BookClosed', z.object({ next: z.string(), balance: z.int() }))

type Cmd =
  | Command<'open', { balance: number }>
  | Command<'pay-in', { amount: number }>
  | Command<'close', { next: string }>
  | Command<'close-twice', { next: string }>
type BookEvent = EventOf<typeof Opened | typeof PaidIn | typeof Closed>

const next = z.object({ next: z.string() })
const plainBook: Decider<number, Cmd, BookEvent> = {
  category: 'book',
  commands: [
    commandType('open', z.object({ balance: z.int() }), { creates: true }),
    commandType('pay-in', amount),
    commandType('close', next),
    commandType('close-twice', next),
  ],
  events: [Opened, PaidIn, Closed],
  refusals: { 'already-open': 'The book is open.' },
  initial: -1,
  evolve: (balance, event) => (event.type === 'PaidIn' ? balance + event.data.amount : event.data.balance),
  decide(balance, { type, data }) {
    if (type === 'open') return balance < 0 ? [{ type: 'Opened', data }] : refuse('already-open', 'it is open')
    if (type === 'pay-in') return [{ type: 'PaidIn', data }]
    const closed = { type: 'BookClosed', data: { next: data.next, balance } } as const
    return type === 'close' ? [closed] : [closed, closed]
  },
}

const { decider: book, reaction } = closeBooks('books', plainBook, {
  closes: Closed,
  opens: ({ balance }) => ({ type: 'open', data: { balance } }),
})
const books: Service = { name: 'books', deciders: [book], publishes: [], views: [], reactions: [reaction] }

const open: Cmd = { type: 'open', data: { balance: 7 } }
const payIn: Cmd = { type: 'pay-in', data: { amount: 5 } }
const close = (id: string): Cmd => ({ type: 'close', data: { next: id } })

/** A book of 2026 with 12, closed for 2027. */
async function closed(): Promise<Reacting> {
  const reacting = new Reacting(books, IMMEDIATE)
  const past: Readonly<Record<string, Cmd>> = { open, payIn, close: close('2027') }
  for (const [key, command] of Object.entries(past))
    assert.partialDeepStrictEqual(await reacting.command(book, '2026', key, command), { outcome: 'done', events: 1 })
  return reacting
}

describe('a closed stream', () => {
  it('refuses every command, and names the stream that continues it', async () => {
    const reacting = await closed()
    const detail = 'book-2026 is closed: it continues in book-2027'
    for (const [key, command] of Object.entries({ a: open, b: payIn, c: close('2028') }))
      assert.partialDeepStrictEqual(await reacting.command(book, '2026', key, command), {
        outcome: 'refused',
        code: 'stream-closed',
        detail,
      })
    assert.equal((await everyEvent(reacting.log, 'book-2026')).length, 3)
  })

  it('gives the command that closed it the same answer again', async () => {
    const reacting = await closed()
    const again = await reacting.command(book, '2026', 'close', close('2027'))
    assert.partialDeepStrictEqual(again, { outcome: 'done', events: 1, version: 3 })
  })

  it('gets no event after the one that closes it, and never continues in itself', () => {
    const past = [{ type: 'Opened', data: { balance: 7 } }] as const
    const twice: Cmd = { type: 'close-twice', data: { next: '2' } }
    assert.throws(() => given(book, past).when(twice), /book-1 gets events after the one that closes it/)
    assert.throws(() => given(book, past).when(close('1')), /book-1 cannot continue in itself/)
  })

  it('loses nothing that was paid in while it was closed', async () => {
    let refused = 0
    let taken = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), fc.nat(6), async (amounts, at) => {
        const reacting = new Reacting(books, IMMEDIATE)
        await reacting.command(book, '2026', 'open', open)
        const commands: Cmd[] = amounts.map((amount) => ({ type: 'pay-in', data: { amount } }))
        commands.splice(Math.min(at, amounts.length), 0, close('2027'))
        const outcomes = await Promise.all(
          commands.map((command, index) =>
            handlingOn(books, reacting.log)(book, request(`k${index}`, command, { stream: 'book-2026' })),
          ),
        )
        await reacting.instance()(await everyEvent(reacting.log, 'book-2026'))
        const accepted = commands.filter((_, index) => outcomes[index]?.outcome === 'done')
        const sum = accepted.reduce((total, { type, data }) => total + (type === 'pay-in' ? data.amount : 0), 7)
        const started = await everyEvent(reacting.log, 'book-2027')
        assert.deepEqual(
          started.map(({ type, data }) => ({ type, data })),
          [{ type: 'Opened', data: { balance: sum } }],
        )
        refused += commands.length - accepted.length
        taken += accepted.length
      }),
      { numRuns: 50 },
    )
    assert.ok(refused > 10 && taken > 60, `${refused} refused, ${taken} taken`)
  })
})

describe('the next stream', () => {
  it('starts from the summary once, wherever a process dies and however often it repeats', async () => {
    let deaths = 0
    for (let steps = 0; ; steps += 1) {
      const reacting = await closed()
      const events = await everyEvent(reacting.log, 'book-2026')
      await reacting.instance(steps)(events)
      const isDone = (await everyEvent(reacting.log, 'book-2027')).length === 1
      await Promise.all([reacting.instance()(events), reacting.instance()(events)])
      const [opened, ...more] = await everyEvent(reacting.log, 'book-2027')
      assert.deepEqual([opened?.type, opened?.data, more], ['Opened', { balance: 12 }, []])
      assert.deepEqual([opened?.causation, opened?.actor], ['book-2026@3', 'reaction:books-book-continues'])
      if (isDone) break
      deaths += 1
    }
    assert.ok(deaths > 0, `${deaths} deaths`)
  })

  it('that somebody else started makes the reaction fail, because it lacks the summary', async () => {
    const reacting = await closed()
    await reacting.command(book, '2027', 'mine', open)
    await assert.rejects(reacting.instance()(await everyEvent(reacting.log, 'book-2026')), {
      code: 'handler-failed',
      message: 'book-2027 refused open with already-open, so it does not continue book-2026',
    })
  })
})
