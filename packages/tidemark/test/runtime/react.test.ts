import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../../../test-support/wait.ts'
import { keyPattern } from '../../azure-functions/request.ts'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { refuse } from '../../core/decider.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { canonicalHash, EMPTY_STREAM, hashEvent } from '../../core/hash-chain.ts'
import type { AnyReaction, SchedulingReaction } from '../../core/reaction.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { handleCommand } from '../../runtime/command.ts'
import { handleMessages } from '../../runtime/consume.ts'
import { reaction } from '../../runtime/react.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { orderConfirmation } from '../domain/order-confirmation.ts'
import { order, ordering, place, placeBody, placed, placedV1 } from '../domain/orders.ts'
import { everyEvent, ManualClock, request } from '../support/fakes.ts'
import { recorded } from '../support/recorded.ts'

const of = (bodies: readonly unknown[]) => ({ hub: 'ordering', partition: '0', bodies })

const lines = [{ sku: 'tea', quantity: 2 }]
const reserved = { type: 'StockReserved', data: { orderId: '1', lines } }
const cancelled = { type: 'StockReservationCancelled', data: { orderId: '1' } }
const other = { type: 'SomethingElse', data: {} }

function messages(stream: string, ...events: Parameters<typeof recorded>[1][]): Record<string, unknown>[] {
  return recorded(stream, ...events).map((event) => ({ ...toCloudEvent(event) }))
}

/** The reaction of the tests with another handler. */
const reacting = (react: typeof orderConfirmation.react): AnyReaction => ({ ...orderConfirmation, react })

async function setUp(declared: AnyReaction = orderConfirmation, beforeCommand: () => Promise<void> = async () => {}) {
  const log = new MemoryEventStore()
  const deps = { service: ordering, store: log, cache: stateCache(10), clock: new ManualClock() }
  await handleCommand(deps, order, request('k1', place))
  const traced: string[] = []
  const schedule = new MemorySchedule(deps.clock)
  let commands = 0
  const instance = () => {
    const handler = reaction(
      {
        service: 'ordering',
        deciders: ordering.deciders,
        log,
        schedule,
        command: async (decider, ...rest) => {
          commands += 1
          await beforeCommand()
          return handleCommand(deps, decider, ...rest)
        },
      },
      declared,
    )
    return { ...declared, names: [declared.name], ...handler }
  }
  let react = instance()
  return {
    /** What the consumer calls when a batch does not continue the one before. */
    forget: () => react.forget?.(),
    /** Starts another instance, with empty caches. */
    restart: () => {
      react = instance()
    },
    current: () => {
      const its = react
      return (batch: readonly unknown[]) => handleMessages([its], of(batch), () => {})
    },
    react: (batch: readonly unknown[]) => handleMessages([react], of(batch), (line) => traced.push(line)),
    send: (...args: Parameters<typeof request>) => handleCommand(deps, order, request(...args)),
    events: async (): Promise<RecordedEvent[]> => everyEvent(log),
    traced,
    schedule,
    log,
    get commands() {
      return commands
    },
  }
}

describe('reactions', () => {
  it('logs a refusal by the domain, and continues after the event', async () => {
    const { react, send, events, traced } = await setUp()
    await send('k2', { type: 'cancel', data: { reason: 'late' } })
    await react(messages('reservation-1', reserved))
    assert.deepEqual(
      (await events()).map(({ type }) => type),
      ['OrderPlaced', 'OrderCancelled'],
    )
    await react(messages('reservation-1', reserved))
    assert.equal(traced.length, 1)
    assert.match(traced[0] ?? '', /reservation-1@1: order-1 refused confirm: order-cancelled/)
  })

  for (const [what, batch, code] of [
    [
      'a message that was changed in transit',
      [{ ...messages('reservation-1', reserved)[0], actor: 'x' }],
      'hash-mismatch',
    ],
    [
      'an event that does not fit the contract',
      messages('reservation-1', { type: 'StockReserved', data: {} }),
      'event-unreadable',
    ],
    ['an event of an unknown version', newer(), 'event-unknown'],
  ] as const)
    it(`blocks the batch at ${what}, and sends no command`, async () => {
      const { react, events } = await setUp()
      await assert.rejects(react(batch), { code })
      assert.equal((await events()).length, 1)
    })

  it('blocks the batch at a fork: another event at a handled version, or after another predecessor', async () => {
    const { react } = await setUp()
    await react(messages('reservation-1', reserved))
    await assert.rejects(react(messages('reservation-1', other)), { code: 'fork-detected' })
    await assert.rejects(react(messages('reservation-1', other, cancelled).slice(1)), { code: 'fork-detected' })
  })

  it('handles an event whose predecessor is missing, and logs what was not published', async () => {
    const system = await setUp()
    const [first, , third] = messages('reservation-1', other, other, reserved)
    await system.react([first])
    await system.react([third])
    assert.equal(system.commands, 1)
    assert.deepEqual(system.traced, ['reservation-1@3 came after version 1: the events between were not published'])
  })

  it('handles a late event, although it has gone beyond it', async () => {
    const system = await setUp()
    const [first, second, third] = messages('reservation-1', reserved, other, other)
    await system.react([third])
    await system.react([first, second])
    await system.react([first, second, third])
    assert.equal(system.commands, 2)
    assert.deepEqual(
      (await system.events()).map(({ type }) => type),
      ['OrderPlaced', 'OrderConfirmed'],
    )
  })

  it('keeps the first outcome of a repeated command with another content, and logs one line', async () => {
    let build = 0
    const answers: unknown[] = []
    const { react, traced } = await setUp(
      reacting(async (_, send) => {
        build += 1
        const data = { reason: `build ${build}` }
        answers.push((await send(order, '1', 'reject', { type: 'reject', data })).events)
      }),
    )
    await react(messages('reservation-1', reserved))
    await react(messages('reservation-2', reserved))
    assert.deepEqual(answers[1], answers[0])
    assert.deepEqual(traced, [
      'reservation-2@1: order-1 was sent reject before with different content: the first outcome stands',
    ])
  })

  it('stores a refusal, and repeats it for the same command even if the aggregate would accept it now', async () => {
    const answers: unknown[] = []
    const { react, send } = await setUp(
      reacting(async (_, send) => {
        answers.push(await send(order, '7', 'confirm', { type: 'confirm', data: {} }))
      }),
    )
    await react(messages('reservation-1', reserved))
    assert.equal((await send('k7', place, { stream: 'order-7' })).outcome, 'done')
    await react(messages('reservation-2', reserved))
    assert.deepEqual(answers, [
      { ...refuse('stream-not-found', 'there is no order 7'), events: [] },
      { ...refuse('stream-not-found', 'there is no order 7'), events: [] },
    ])
  })

  it('skips a redelivered event without a command, alone or among new ones', async () => {
    const system = await setUp()
    const batch = messages('reservation-1', reserved, other, cancelled)
    await system.react(batch.slice(0, 2))
    const { commands } = system
    await system.react(batch)
    await system.react([...batch, ...batch])
    assert.deepEqual([commands, system.commands], [1, 1])
  })

  it('sends the command of a redelivered event again after a restart, and it takes effect once', async () => {
    const answers: string[][] = []
    const system = await setUp(
      reacting((event, send) =>
        orderConfirmation.react(event, async (...command) => {
          const sent = await send(...command)
          answers.push(sent.events.map(({ type }) => type))
          return sent
        }),
      ),
    )
    await system.react(messages('reservation-1', reserved))
    const before = await system.events()
    system.restart()
    await system.react(messages('reservation-1', reserved))
    assert.deepEqual(answers, [['OrderConfirmed'], ['OrderConfirmed']])
    assert.deepEqual(await system.events(), before)
  })

  it('fails to send to a decider that the service does not list, and records nothing', async () => {
    const { react, log } = await setUp(
      reacting(async (_, send) => {
        await send({ ...order, category: 'other' }, '1', 'place', place)
      }),
    )
    await assert.rejects(react(messages('reservation-1', reserved)), {
      code: 'registration-invalid',
      message:
        'order-confirmation: the reaction order-confirmation sends to other, a decider that ordering does not list',
    })
    assert.deepEqual(await log.readRange('other-1', { direction: 'forward', limit: 1 }), [])
  })

  it('reads the events of a repeated command in today’s version, whatever they were recorded with', async () => {
    const command = { type: 'place' as const, data: placeBody }
    const answers: unknown[] = []
    const { react, log } = await setUp(
      reacting(async (_, send) => {
        const { events } = await send(order, '2', 'place', command)
        answers.push(...events.map(({ data }) => data))
      }),
    )
    const [older] = recorded('order-2', { ...placedV1, data: { ...placedV1.data, orderId: '2' } })
    assert.ok(older)
    const key = 'ordering-order-confirmation place'
    const entry = { stream: 'order-2', key, fingerprint: canonicalHash(command), events: [older] }
    await log.append(EMPTY_STREAM, [entry])
    await react(messages('reservation-2', reserved))
    assert.deepEqual(answers, [{ ...placed.data, orderId: '2' }])
  })

  it('resets its memory when it follows a stream again, and sees no gap', async () => {
    const system = await setUp()
    const [first, second, third, fourth] = messages('reservation-1', other, reserved, cancelled, reserved)
    await system.react([first])
    // Another instance handles the second and the third.
    system.forget()
    await system.react([fourth])
    await system.react([second, third])
    assert.deepEqual(system.traced, [])
    assert.equal((await system.events()).length, 2)
  })

  it('schedules a command with the key of an immediate one, which no client can use', async () => {
    const due = '2026-01-01T00:00:00.000Z'
    const { react, schedule } = await setUp({
      ...orderConfirmation,
      schedules: true,
      react: (_, __, sendLater) =>
        sendLater(order, '1', { commandId: 'late:1', due }, { type: 'cancel', data: { reason: 'late' } }),
    })
    await react(messages('reservation-1', reserved))
    const [waiting] = schedule.waiting
    assert.ok(waiting)
    const { actor, causation } = waiting.metadata
    assert.deepEqual(
      [waiting.stream, waiting.key, waiting.due, actor, causation],
      ['order-1', 'ordering-order-confirmation late:1', due, 'reaction:ordering-order-confirmation', 'reservation-1@1'],
    )
    assert.doesNotMatch(waiting.key, keyPattern)
  })

  it('schedules a command for a time in any zone, and blocks the event for an invalid time', async () => {
    for (const [due, waits] of [
      ['2026-01-01T02:00:00+02:00', '2026-01-01T00:00:00.000Z'],
      ['tomorrow', undefined],
    ] as const) {
      const { react, schedule } = await setUp({
        ...orderConfirmation,
        schedules: true,
        react: (_, __, sendLater) =>
          sendLater(order, '1', { commandId: 'late:1', due }, { type: 'cancel', data: { reason: 'late' } }),
      })
      const reacted = react(messages('reservation-1', reserved))
      await (waits === undefined ? assert.rejects(reacted, { code: 'invalid-time' }) : reacted)
      assert.equal(schedule.waiting[0]?.due, waits)
    }
  })

  it('writes the actor, cause and correlation into its events', async () => {
    const { react, events } = await setUp()
    await react(messages('reservation-1', reserved))
    const { actor, causation, correlation } = (await events()).at(-1) ?? {}
    assert.deepEqual(
      { actor, causation, correlation },
      { actor: 'reaction:ordering-order-confirmation', causation: 'reservation-1@1', correlation: 'correlation' },
    )
  })

  it('ignores streams of other categories', async () => {
    const { react, events } = await setUp()
    await react(messages('stock-tea', { type: 'StockReserved', data: { orderId: '1', lines } }))
    assert.equal((await events()).length, 1)
  })
})

/** Waits as a slow store does. A handler that does not await it has long returned. */
async function slowly(): Promise<void> {
  for (let turns = 0; turns < 20; turns += 1) await new Promise((resolve) => setImmediate(resolve))
}

describe('a reaction that does not await what it sends', () => {
  const confirm = { type: 'confirm', data: {} } as const
  const reject = { type: 'reject', data: { reason: 'x' } } as const
  const listTypes = async (system: Awaited<ReturnType<typeof setUp>>): Promise<string[]> =>
    (await system.events()).map(({ type }) => type)
  const line = 'reservation-1@1: the reaction order-confirmation did not wait for'
  const what = 'await each send, or return its promise'

  for (const [how, react] of [
    [
      'drops a promise',
      async (_, send) => {
        void send(order, '1', 'confirm', confirm)
      },
    ],
    [
      'drops a promise that settles before it ends',
      async (_, send) => {
        void send(order, '1', 'confirm', confirm)
        await send(order, '1', 'again', confirm)
        await slowly()
      },
    ],
    [
      'drops what it chained to a promise',
      async (_, send) => {
        void send(order, '1', 'confirm', confirm).then(() => 1)
      },
    ],
    [
      'calls a function without awaiting it',
      async (_, send) => {
        void (async () => {
          await send(order, '1', 'confirm', confirm)
        })()
      },
    ],
    [
      'awaits only the first of several',
      async (_, send) => {
        await Promise.race([send(order, '1', 'confirm', confirm), Promise.resolve()])
      },
    ],
  ] satisfies [string, typeof orderConfirmation.react][])
    it(`is awaited all the same, and logged once, when it ${how}`, async () => {
      const system = await setUp(reacting(react), slowly)
      await system.react(messages('reservation-1', reserved))
      assert.deepEqual(await listTypes(system), ['OrderPlaced', 'OrderConfirmed'])
      await system.react(messages('reservation-2', reserved))
      assert.deepEqual(system.traced, [`${line} confirm to order-1: ${what}`])
    })

  it('is awaited step by step, with all that follows', async () => {
    const system = await setUp(
      reacting(async (_, send) => {
        void (async () => {
          const { events } = await send(order, '1', 'confirm', confirm)
          await Promise.resolve()
          if (events.length > 0) await send(order, '1', 'complete', { type: 'complete', data: {} })
        })()
      }),
    )
    await system.react(messages('reservation-1', reserved))
    assert.deepEqual(await listTypes(system), ['OrderPlaced', 'OrderConfirmed', 'OrderCompleted'])
    assert.deepEqual(system.traced, [`${line} confirm to order-1, complete to order-1: ${what}`])
  })

  it('is awaited when it sends later, too', async () => {
    const due = '2026-01-01T00:00:00.000Z'
    const { react, schedule, traced } = await setUp({
      ...orderConfirmation,
      schedules: true,
      react: async (_, __, sendLater) => {
        void sendLater(order, '1', { commandId: 'late:1', due }, { type: 'cancel', data: { reason: 'late' } })
      },
    })
    await react(messages('reservation-1', reserved))
    assert.equal(schedule.size, 1)
    assert.deepEqual(traced, [`${line} cancel to order-1 for ${due}: ${what}`])
  })

  it('fails when such a command fails, and the event is redelivered', async () => {
    let down = true
    const system = await setUp(
      reacting(async (_, send) => {
        void send(down ? { ...order, category: 'other' } : order, '1', 'confirm', confirm)
      }),
    )
    await assert.rejects(system.react(messages('reservation-1', reserved)), { code: 'registration-invalid' })
    down = false
    await system.react(messages('reservation-1', reserved))
    assert.deepEqual(await listTypes(system), ['OrderPlaced', 'OrderConfirmed'])
  })

  it('fails with its own error once its commands are done, without the log line', async () => {
    let commands = 0
    const system = await setUp(
      reacting((_, send) =>
        Promise.all([
          send(order, '1', 'confirm', confirm).then(() => {
            commands += 1
          }),
          Promise.reject(new Error('out of order')),
        ]).then(() => {}),
      ),
      slowly,
    )
    await assert.rejects(system.react(messages('reservation-1', reserved)), /out of order/)
    assert.equal(commands, 1)
    assert.deepEqual(system.traced, [])
  })

  it('still sends a command after its end, and logs that it is at risk', async () => {
    let stray: () => Promise<unknown> = () => assert.fail('it did not react')
    const system = await setUp(
      reacting(async (_, send) => {
        stray = () => send(order, '1', 'reject', reject)
      }),
    )
    await system.react(messages('reservation-1', reserved))
    await stray()
    assert.deepEqual(await listTypes(system), ['OrderPlaced', 'OrderRejected'])
    assert.match(
      system.traced.join(),
      /^reservation-1@1: .* sent reject to order-1 after it had ended, so a crash would lose it/,
    )
  })

  it('logs each command that failed after its end, which is lost', async () => {
    let stray: () => Promise<unknown> = () => assert.fail('it did not react')
    const system = await setUp(
      reacting(async (_, send) => {
        stray = () => send({ ...order, category: 'other' }, '1', 'reject', reject)
      }),
    )
    await system.react(messages('reservation-1', reserved))
    await assert.rejects(stray(), { code: 'registration-invalid' })
    // Nobody awaits this one.
    void stray()
    await until('each is logged', () => system.traced.filter((each) => each.includes('is lost')).length === 2)
    assert.match(system.traced.at(-1) ?? '', /^reservation-1@1: reject to other-1, .* failed and is lost: the reaction/)
  })

  for (const [how, react] of [
    ['awaits each', async (_, send) => void (await send(order, '1', 'confirm', confirm))],
    ['returns the promise', (_, send) => send(order, '1', 'confirm', confirm) as Promise<never>],
    ['returns it in an async function', async (_, send) => send(order, '1', 'confirm', confirm) as Promise<never>],
    [
      'awaits all of them together',
      async (_, send) => {
        await Promise.all([send(order, '1', 'confirm', confirm), send(order, '1', 'again', confirm)])
      },
    ],
    [
      'awaits it later',
      async (_, send) => {
        const sending = send(order, '1', 'confirm', confirm)
        await send(order, '1', 'again', confirm)
        await sending
      },
    ],
    [
      'waits in steps',
      (_, send) =>
        send(order, '1', 'confirm', confirm)
          .finally(() => {})
          .then(() => {}),
    ],
    [
      'continues after a failure',
      async (_, send) => {
        await send({ ...order, category: 'other' }, '1', 'confirm', confirm).catch(() => {})
        await send(order, '1', 'confirm', confirm)
      },
    ],
  ] satisfies [string, typeof orderConfirmation.react][])
    it(`is not one that ${how}`, async () => {
      const system = await setUp(reacting(react))
      await system.react(messages('reservation-1', reserved))
      assert.deepEqual(await listTypes(system), ['OrderPlaced', 'OrderConfirmed'])
      assert.deepEqual(system.traced, [])
    })
})

describe('a command that a reaction sends', () => {
  it('is refused with the place of a value that JSON does not keep, immediate or scheduled', async () => {
    const due = '2026-01-01T00:00:00.000Z'
    const late = { type: 'cancel', data: { reason: 'x', at: new Date(0) } } as const
    for (const react of [
      (_, send) => send(order, '1', 'x', late) as Promise<never>,
      (_, __, sendLater) => sendLater(order, '1', { commandId: 'x', due }, late),
    ] satisfies SchedulingReaction<never>['react'][]) {
      const { react: bring, events, schedule } = await setUp({ ...orderConfirmation, schedules: true, react })
      await assert.rejects(bring(messages('reservation-1', reserved)), {
        code: 'invalid-command',
        message: /order-confirmation sends cancel to order-1 with data that JSON cannot represent: \/at: a Date/,
      })
      assert.deepEqual([(await events()).length, schedule.size], [1, 0])
    }
  })

  it('waits in the schedule in its JSON form', async () => {
    const due = '2026-01-01T00:00:00.000Z'
    const reason = { reason: 'x', note: undefined, change: -0 } as { reason: string }
    const { react, schedule } = await setUp({
      ...orderConfirmation,
      schedules: true,
      react: (_, __, sendLater) => sendLater(order, '1', { commandId: 'x', due }, { type: 'cancel', data: reason }),
    })
    await react(messages('reservation-1', reserved))
    assert.deepStrictEqual(schedule.waiting[0]?.command.data, { reason: 'x', change: 0 })
  })
})

function newer(): Record<string, unknown>[] {
  const [event] = recorded('reservation-1', reserved)
  assert.ok(event)
  const { hash: _, ...unhashed } = { ...event, schemaVersion: 2 }
  return [{ ...toCloudEvent({ ...unhashed, hash: hashEvent(unhashed) }) }]
}
