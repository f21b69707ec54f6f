import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { parseNames } from '../../../cli/new-service/names.ts'
import { matchRoute, parseRoute } from '../../../functions-host/route.ts'
import { type BrowsePort, buildBrowseRoutes } from '../../azure-functions/browse.ts'
import { type PlacedRoute, registrationFaults } from '../../azure-functions/check-registration.ts'
import type { Endpoint, Route } from '../../azure-functions/http.ts'
import { buildOperationRoutes, type OperationsPort } from '../../azure-functions/operations.ts'
import { personal } from '../../core/personal.ts'
import { processManager } from '../../core/process-manager.ts'
import type { AnyReaction } from '../../core/reaction.ts'
import { RESERVED_PATHS } from '../../core/resource.ts'
import type { Service } from '../../core/service.ts'
import { buildTopology } from '../../topology.ts'
import { library, members, memberView, post } from '../domain/members.ts'
import { notes } from '../domain/notes.ts'
import { order, ordering, orderView } from '../domain/orders.ts'
import { stockLevel } from '../domain/stock.ts'
import { Placed, trail } from '../domain/trails.ts'

const nothing: Endpoint = { describe: () => [], handle: async () => ({}) }
const place = (service: string, path: string, name = path): PlacedRoute => ({ service, name, path, GET: nothing })
const history = (service: string) => [
  place(service, 'streams/{stream}/events', 'events'),
  place(service, 'streams/{stream}/state', 'state'),
]
const bare = (name: string): Service => ({ name, deciders: [], publishes: [], views: [], reactions: [] })
/** The routes that every service has, and those of one with personal data. */
const everyRoute: readonly Route[] = (() => {
  const none = { declaration: { ...bare('shop'), deciders: [members] } } as unknown as BrowsePort & OperationsPort
  return [...buildOperationRoutes(none), ...buildBrowseRoutes(none)]
})()
const ofEvery = (service: string) => [
  ...history(service),
  ...everyRoute.map((route): PlacedRoute => ({ ...route, service })),
]
/**
 * Counts the routes that match a path, as ASP.NET Core matches them. It follows the host's rules and shares
 * no code with the check.
 */
const matches = (paths: readonly string[], path: string): number =>
  paths.filter((template) => matchRoute(parseRoute(template, 'f'), path.split('/')) !== undefined).length

describe('the lists of a view', () => {
  const listed = (lists: Partial<Pick<typeof orderView, 'filters' | 'orders'>>): readonly string[] =>
    registrationFaults({ ...bare('shop'), deciders: [order], views: [{ ...orderView, ...lists }] }, [])
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 'string'] as const))

  for (const [what, lists, fault] of [
    ['a filter that a parameter of lists is called', { filters: { limit: 'string' } }, /by limit: .* this name/],
    ['an order with a name that no path can have', { orders: { 'a"b': 'string' } }, /by a"b: .* this name/],
    ['a field with two types', { filters: { a: 'number' }, orders: { a: 'string' } }, /gives a two types/],
    ['an index of more than 8 paths', { filters: many(5), orders: { o: 'number' } }, /an index of 9 paths/],
    ['more fields than can be combined', { filters: many(40) }, /by 40 fields/],
  ] as const)
    it(`are refused with ${what}`, () => {
      const faults = listed(lists)
      assert.ok(
        faults.some((each) => fault.test(each)),
        faults.join('\n') || 'no fault',
      )
    })

  it('are accepted with filters and orders that fit', () =>
    assert.deepEqual(listed({ filters: { a: ['x'], 'b.c': 'boolean' }, orders: { a: 'string', d: 'number' } }), []))
})

describe('personal data', () => {
  const viewed = { ...memberView, document: z.object({ name: personal(z.string(), { forgotten: '' }) }) }
  const unnamed = library.deciders.map(({ subject: _, ...declared }) => declared)
  for (const [what, declared, fault] of [
    ['a personal event whose decider names no subject', { deciders: unnamed }, /Renamed of member .* names no subject/],
    ['a subject but no erasure', { deciders: [members] }, /library has personal data: list the decider erasure/],
    ['a filter by it', { views: [{ ...viewed, filters: { name: 'string' } }] }, /filtered or ordered by name/],
    ['an order by it', { views: [{ ...viewed, orders: { name: 'string' } }] }, /filtered or ordered by name/],
    ['a view with the name of its keys', { views: [{ ...memberView, name: 'keys' }] }, /keys .* share its container/],
  ] as const)
    it(`is refused with ${what}`, () => {
      const faults = registrationFaults({ ...library, ...declared } as Service, [])
      assert.ok(
        faults.some((each) => fault.test(each)),
        faults.join('\n') || 'no fault',
      )
    })

  it('is accepted with a subject and erasure', () => assert.deepEqual(registrationFaults(library, []), []))
})

describe('a grant of personal data', () => {
  for (const [what, services, fault] of [
    ['that only the owner declares', [library, { ...post, personal: {} }], /list library in personal.reads of post/],
    ['that only the reader declares', [{ ...library, personal: {} }, post], /list post in personal.readers of library/],
    ['of a service without personal data', [post], /post reads personal data of library, which has none/],
  ] as const)
    it(`${what} is refused`, () =>
      assert.throws(() => buildTopology(services), { code: 'registration-invalid', message: fault }))

  it('that both declare is in the topology, and so is the container of keys', () => {
    const { services, databases } = buildTopology([library, post])
    assert.deepEqual(
      services.map(({ readsKeysOf }) => readsKeysOf),
      [undefined, ['library']],
    )
    const withKeys = databases.filter(({ containers }) => containers.some(({ name }) => name === 'keys'))
    assert.deepEqual(
      withKeys.map(({ name }) => name),
      ['library'],
    )
  })
})

describe('the routes of an app', () => {
  const segment = fc.constantFrom('orders', 'Orders', 'state', 'events', 'streams', '{id}', '{stream}', '{command}')
  const template = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) =>
    // A parameter name may occur only once in a template.
    parts.map((part, index) => part.replace('}', `${index}}`)).join('/'),
  )
  const path = fc.array(fc.constantFrom('orders', 'state', 'events', 'streams', 'x'), { minLength: 1, maxLength: 3 })

  it('are refused exactly when some path matches two of them', () => {
    let refused = 0
    let taken = 0
    fc.assert(
      fc.property(fc.uniqueArray(template, { minLength: 2, maxLength: 5 }), fc.array(path), (templates, paths) => {
        const routes = templates.map((each, index) => place('shop', each, `r${index}`))
        const faults = registrationFaults(bare('shop'), routes)
        const all = templates.map((each) => `shop/${each}`)
        if (faults.length === 0) {
          taken += 1
          for (const each of paths) assert.ok(matches(all, `shop/${each.join('/')}`) <= 1, each.join('/'))
          return
        }
        refused += 1
        for (const fault of faults) {
          const [, one = '', other = ''] = /^the routes (\S+) and (\S+) match the same paths/.exec(fault) ?? []
          // Builds a path that both match: the text of whichever has text at that place.
          const others = other.split('/')
          const both = one.split('/').map((part, index) => (part.startsWith('{') ? others[index] : part) ?? '')
          assert.equal(matches([one, other], both.join('/').replaceAll(/[{}]/g, '')), 2, fault)
        }
      }),
      { numRuns: 2000 },
    )
    assert.ok(refused > 100 && taken > 100, `${refused} sets refused, ${taken} accepted`)
  })

  for (const [what, path, complaint] of [
    ['a catch-all', '{*path}', /^the route shop\/\{\*path\}: \{\*path\} is neither text nor \{parameter\}$/],
    ['an optional parameter', 'orders/{id?}', /: \{id\?\} is neither/],
    ['a constraint', 'orders/{id:int}', /: \{id:int\} is neither/],
    ['an empty part', 'orders//x', /: an empty part is neither/],
    ['a parameter beside text', 'orders/a{id}', /: a\{id\} is neither/],
  ] as const)
    it(`consist of text and {parameter}s: ${what} is refused`, () => {
      const [fault = '', ...more] = registrationFaults(bare('shop'), [place('shop', path)])
      assert.match(fault, complaint)
      assert.deepEqual(more, [])
    })

  it('that every service has begin with a segment that no resource may begin with', () => {
    const taken = new Set(ofEvery('shop').map(({ path }) => path.split('/')[0]))
    assert.deepEqual([...taken].toSorted(), [...RESERVED_PATHS])
  })

  it('of a generated service never match each other, whatever its name', () => {
    const text = readFileSync(new URL('../../../cli/new-service/templates/service.ts.txt', import.meta.url), 'utf8')
    const readQuoted = (what: string): string => new RegExp(`${what}: '([^']+)'`).exec(text)?.[1] ?? ''
    const [at, list, one] = [readQuoted('path'), readQuoted('list'), readQuoted('one')]
    assert.ok(at && list && one)
    const made = [
      [list, at],
      [one, `${at}/{id}`],
      ['__aggregate__-command', `${at}/{id}/{command}`],
    ] as const
    const letters = fc.constantFrom(...'abenorstvw-')
    const known = ['ordering', 'inventory', ...RESERVED_PATHS, 'state', 'relay', 'schedule', 'list', 'view', 'openapi']
    const name = fc.oneof(
      fc.constantFrom(...known, 'no-route', 'command', 'document', 'a', 'a-b', 'a-b-list'),
      fc.array(letters, { minLength: 1, maxLength: 12 }).map((some) => some.join('')),
    )
    let taken = 0
    fc.assert(
      fc.property(name, name, (service, aggregate) => {
        try {
          parseNames(service, aggregate)
        } catch (error) {
          assert.equal((error as Error).name, 'UsageError')
          return
        }
        taken += 1
        const fill = (template: string): string => template.replaceAll('__aggregate__', aggregate)
        const routes = made.map(([named, path]) => place(service, fill(path), fill(named)))
        const declared = { ...bare(service), views: [{ ...orderView, name: `${aggregate}-view`, category: aggregate }] }
        const withDecider = { ...declared, deciders: [{ ...order, category: aggregate }] }
        assert.deepEqual(registrationFaults(withDecider, [...routes, ...ofEvery(service)]), [])
      }),
      { numRuns: 2000 },
    )
    assert.ok(taken > 200, `${taken} names were accepted`)
    for (const path of RESERVED_PATHS)
      assert.throws(() => parseNames('shop', path), { name: 'UsageError', message: /is a path of the operations API/ })
  })
})

const laterReaction: AnyReaction = {
  ...{ name: 'later', service: 'shop', category: 'order', events: [Placed], startsAt: 'first' },
  react: async () => {},
}

describe('a service that does not fit its functions', () => {
  const using = (uses: Endpoint['uses']): PlacedRoute => ({
    service: 'ordering',
    name: 'used',
    path: 'used',
    GET: { ...nothing, ...(uses ? { uses } : {}) },
  })
  const without = (changes: Partial<Service>): Service => ({ ...ordering, ...changes })
  const [publication] = ordering.publishes

  for (const [what, service, routes, complaint] of [
    [
      'reads a view that it does not list',
      without({}),
      [using({ view: stockLevel })],
      'the route ordering/used reads stock-level, a view that ordering does not list: it has no trigger',
    ],
    [
      'sends commands to a decider that it does not list',
      without({
        deciders: [],
        views: [],
        publishes: [],
        processes: [],
      }),
      [using({ decider: order })],
      'the route ordering/used sends commands to order, a decider that ordering does not list',
    ],
    [
      'has a process manager whose decider it does not list',
      without({
        processes: [
          processManager('caretaker', notes, [], {
            service: 'ordering',
            events: [],
            schedules: true,
            startsAt: 'first',
            react: async () => {},
          }),
        ],
      }),
      [],
      'ordering has a process manager whose decider notes it does not list',
    ],
    [
      'has a view of a category without a decider',
      without({ views: [...ordering.views, { ...orderView, name: 'other', category: 'none' }] }),
      [],
      'the view other follows none, but ordering lists no such decider',
    ],
    [
      'has a view over services that names a source twice',
      without({ views: [{ ...trail, sources: [...trail.sources, ...trail.sources.slice(0, 1)] }] }),
      [],
      'the view trail lists the source shop/order twice',
    ],
    [
      'has a view over services that handles no event of one',
      without({ views: [{ ...trail, sources: trail.sources.map((source) => ({ ...source, events: [] })) }] }),
      [],
      'the view trail handles no event of books/order',
    ],
    [
      'has a view over services without a source',
      without({ views: [{ ...trail, sources: [] }] }),
      [],
      'the view trail follows no service',
    ],
    [
      'has reactions and no decider',
      { ...bare('ordering'), reactions: [laterReaction] },
      [],
      'ordering has reactions, but no decider that they could send commands to',
    ],
    [
      'has two views of one name',
      without({ views: [...ordering.views, orderView] }),
      [],
      'ordering lists two views called order',
    ],
    [
      'has a view called like a container of its own',
      without({ views: [...ordering.views, { ...orderView, name: 'events' }] }),
      [],
      'the view events of ordering would share its container with something else',
    ],
    [
      'has a view called like the container of snapshots',
      without({ views: [...ordering.views, { ...orderView, name: 'snapshots' }] }),
      [],
      'the view snapshots of ordering would share its container with something else',
    ],
    [
      'has two deciders of one category',
      without({ deciders: [...ordering.deciders, order] }),
      [],
      'ordering lists two deciders of the category order',
    ],
    ...[0, -1, 1.5, Number.NaN].map(
      (stateVersion) =>
        [
          `has a decider whose state version is ${stateVersion}`,
          without({ deciders: [{ ...order, stateVersion }, ...ordering.deciders.filter((each) => each !== order)] }),
          [],
          `the stateVersion of order is ${stateVersion}, not a whole number from 1`,
        ] as const,
    ),
    [
      'publishes an event that it never records',
      without({
        publishes: publication
          ? [{ ...publication, privateEvent: { ...publication.privateEvent, name: 'Never' } }]
          : [],
      }),
      [],
      'ordering publishes Never, but none of its deciders records it',
    ],
    [
      'has a route with the name of its relay',
      without({}),
      [place('ordering', 'relay')],
      'two functions would be called ordering-relay',
    ],
  ] as const satisfies readonly (readonly [string, Service, readonly PlacedRoute[], string])[])
    it(`${what}: one line reports it`, () => {
      const faults = registrationFaults(service, [...routes, ...history('ordering')])
      assert.ok(faults.includes(complaint), `${faults.join('\n')}\nlacks\n${complaint}`)
    })

  it('a service without deciders that only follows others is accepted', () =>
    assert.deepEqual(registrationFaults({ ...bare('readers'), views: [trail] }, ofEvery('readers')), []))

  it('a service that lists all it uses is accepted', () => {
    assert.deepEqual(registrationFaults(ordering, history('ordering')), [])
  })
})
