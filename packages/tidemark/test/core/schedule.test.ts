import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { processManager } from '../../core/process-manager.ts'
import type { Reaction, Send, SendLater } from '../../core/reaction.ts'
import { hasSchedule, SCHEDULE, type Service } from '../../core/service.ts'
import { buildTopology } from '../../topology.ts'
import { orderConfirmation } from '../domain/order-confirmation.ts'
import { type PledgeEvent, PledgeMade, pledge } from '../domain/wallets.ts'

const bare: Service = { name: 'shop', deciders: [pledge], publishes: [], views: [], reactions: [] }
const LAPSE = { type: 'lapse', data: {} } as const
const steps = { service: 'shop', events: [PledgeMade], startsAt: 'first' } as const
const later = processManager<unknown, never, PledgeEvent>('later', pledge, [], {
  ...steps,
  schedules: true,
  react: ({ stream }, _, sendLater) =>
    sendLater(pledge, stream.slice(7), { commandId: 'lapse', due: '2026-01-01T00:00:00.000Z' }, LAPSE),
})
const atOnce = processManager<unknown, never, PledgeEvent>('at-once', pledge, [], { ...steps, react: async () => {} })

describe('a schedule', () => {
  it('exists, with its container, only in a service with a reaction that schedules', () => {
    const reactionLater: Reaction<PledgeEvent> = {
      ...steps,
      name: 'late',
      category: 'pledge',
      schedules: true,
      react: async () => {},
    }
    for (const [service, expected] of [
      [bare, false],
      [{ ...bare, reactions: [orderConfirmation] }, false],
      [{ ...bare, processes: [atOnce] }, false],
      [{ ...bare, processes: [later] }, true],
      [{ ...bare, reactions: [reactionLater] }, true],
    ] as const) {
      const { databases } = buildTopology([service])
      assert.equal(hasSchedule(service), expected)
      assert.equal(databases[0]?.containers.some(({ name }) => name === SCHEDULE) ?? false, expected)
    }
  })

  it('is checked by the compiler: a reaction cannot send later without declaring it', () => {
    const react = async (_event: unknown, _send: Send, _sendLater: SendLater): Promise<void> => {}
    const declared = { ...steps, name: 'late', category: 'pledge', react }
    // @ts-expect-error it does not declare that it schedules
    const reaction: Reaction<PledgeEvent> = declared
    // @ts-expect-error nor does this process manager
    const process = processManager<unknown, never, PledgeEvent>('late', pledge, [], { ...steps, react })
    assert.equal(hasSchedule({ reactions: [reaction, ...process.reactions] }), false)
  })
})
