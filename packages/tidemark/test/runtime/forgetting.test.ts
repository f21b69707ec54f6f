import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { z } from 'zod'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { refuse } from '../../core/decider.ts'
import { erasure } from '../../core/erasure.ts'
import { describeError, isTidemarkError, TidemarkError } from '../../core/errors.ts'
import type { EventOf, RecordedEvent } from '../../core/event.ts'
import { hashFits } from '../../core/hash-chain.ts'
import { listSealed, SEALED, subjectId } from '../../core/personal.ts'
import type { KeyItems } from '../../core/ports.ts'
import { formatConsumerName, type ImmediateReaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import { snapshotId } from '../../core/snapshot.ts'
import { MemoryArchive, MemoryItemFeed } from '../../memory/archive.ts'
import { MemoryKeys } from '../../memory/keys.ts'
import { ArchiveWriter } from '../../runtime/archive.ts'
import { EACH_KEPT_MS, KEPT_MS } from '../../runtime/personal.ts'
import { serviceRuntime } from '../../runtime/service-runtime.ts'
import {
  Joined,
  library,
  members,
  memberView,
  PublicJoined,
  porch,
  post,
  Stamped,
  visitorView,
} from '../domain/members.ts'
import { MemoryHub } from '../support/memory-hub.ts'
import { type MemoryStores, memoryStores, startInMemory } from '../support/memory-runtime.ts'
import { unwatched } from '../support/rebuild-harness.ts'

const NAME = 'Wilhelmina Quist'
const why = { reason: 'she asked for it', by: 'ada' }
const join = (name = NAME) => ({ type: 'join', data: { member: 'w-7', name } })

/** Everything that a service has stored, as one text. */
async function storedText({ log, views, parking, snapshots, keys }: MemoryStores): Promise<string> {
  const { live } = await views.state(memberView.name)
  const documents = await live.store.list({ filter: {}, limit: 100 })
  const id = snapshotId(members) ?? ''
  const snapshot = await snapshots.read('member-1', id)
  const key = await keys.get('library')?.items.read(subjectId('w-7'))
  return JSON.stringify([log.commits, documents, await parking.streams(), snapshot, key])
}

async function started(keys: KeyItems = new MemoryKeys()) {
  const stores = memoryStores(keys)
  const first = startInMemory(library, stores)
  const joined = await first.send('member-1', join())
  assert.equal(joined.outcome, 'done')
  await first.project(stores.log.all())
  return { stores, ...first }
}

const readName = async ({ runtime }: ReturnType<typeof startInMemory>) =>
  (await runtime.document(memberView, 'member-1'))?.document

describe('a personal text', () => {
  it('is refused without a subject, and if the subject of its stream changes', async () => {
    const { send, stores } = await started()
    const changed = send('member-1', { type: 'hand-over', data: { member: 'x-1', name: 'Otto' } })
    await assert.rejects(changed, { code: 'event-invalid', message: /changes the subject of its member/ })
    const nobody = { ...library, deciders: [{ ...members, subject: () => undefined }] }
    const lost = startInMemory(nobody, stores).send('member-2', join())
    await assert.rejects(lost, {
      code: 'event-invalid',
      message: 'Joined/fullName is personal, but member-2 has no subject',
    })
    assert.equal(stores.log.all().length, 1)
  })

  it('that looks sealed is refused, so that nobody reads what others wrote', async () => {
    const { send, stores } = await started()
    const [stored] = stores.log.all()
    const sealed = readText(stored?.data, 'fullName')
    assert.equal(listSealed(sealed).length, 1)
    for (const text of [sealed, `x${SEALED}`])
      await assert.rejects(send('member-1', { type: 'stamp', data: { text } }), { code: 'invalid-command' })
    assert.equal(stores.log.all().length, 1)
  })

  it('that was changed in the store is not read as forgotten', async () => {
    const { stores, runtime } = await started()
    const { live } = await stores.views.state(memberView.name)
    const found = await live.store.read('member-1')
    const name = readText(found?.document, 'name')
    const changed = name.replace(/.{4}(?=:[^:]*~$)/, (end) => (end === 'AAAA' ? 'BBBB' : 'AAAA'))
    assert.notEqual(changed, name)
    const write = { document: { name: changed, label: '' }, sort: '', etag: found?.etag }
    assert.ok(found?.cursor)
    await live.store.writeDocument('member-1', write, found.cursor)
    await assert.rejects(runtime.document(memberView, 'member-1'), { code: 'personal-unreadable' })
  })

  it('is stored nowhere, while deciders, reactions and queries read it', async () => {
    const { stores, send, react, project, ...process } = await started()
    await react('library', stores.log.all())
    await project(stores.log.all())
    await send('member-1', { type: 'rename', data: { to: `${NAME} II` } })
    await project(stores.log.all())
    const again = startInMemory(library, stores)
    const same = await again.send('member-1', { type: 'rename', data: { to: `${NAME} II` } })
    assert.deepEqual(same, { outcome: 'refused', code: 'same-name', detail: 'it is the same name' })

    assert.deepEqual(await readName({ ...process, send, react, project }), {
      name: `${NAME} II`,
      label: `${NAME} II (2)`,
    })
    const copy = await again.runtime.stateAt('member-copy-of-member-1', {})
    assert.deepEqual(copy.state, { member: 'w-7', name: NAME })
    const { events } = await again.runtime.history('member-1', { direction: 'forward', limit: 10 })
    assert.equal(readText(events[0]?.data, 'fullName'), NAME)
    assert.equal(readText(events[0]?.published?.data, 'greeting'), `Hello ${NAME}`)
    const searched = await again.runtime.findDocuments(memberView, { filter: {}, search: 'quist ii', limit: 5 })
    assert.equal(searched.items.length, 1)

    const text = await storedText(stores)
    assert.ok(text.includes('member-1') && text.includes('"w-7"'), 'the search finds what is not personal')
    assert.ok(!text.includes('Quist') && !text.includes('Wilhelmina'))
    assert.ok(stores.log.all().every(hashFits))
  })

  it('is in every answer of a service, and in none once its subject is forgotten', async () => {
    const { runtime } = await started()
    const page = { limit: 10 }
    const answers: Readonly<Record<string, () => Promise<unknown>>> = {
      document: () => runtime.document(memberView, 'member-1'),
      documents: () => runtime.documents(memberView, { filter: {}, ...page }),
      findDocuments: () => runtime.findDocuments(memberView, { filter: {}, ...page }),
      findDocument: () => runtime.findDocuments(memberView, { filter: {}, key: 'member-1', ...page }),
      documentAt: () => runtime.documentAt(memberView, { key: 'member-1' }),
      viewAt: () => runtime.viewAt(memberView, { at: '2027-01-01T00:00:00.000Z', maxEvents: 100, ...page }),
      documentEvents: () => runtime.documentEvents(memberView, { key: 'member-1', ...page }),
      history: () => runtime.history('member-1', { direction: 'forward', ...page }),
      stateAt: () => runtime.stateAt('member-1', {}),
      events: () => runtime.events(page),
      trace: () => runtime.trace('c', 10),
      readLog: () => runtime.readLog({ category: 'member', ...page }),
    }
    for (const [name, ask] of Object.entries(answers)) assert.ok(JSON.stringify(await ask()).includes(NAME), name)
    await runtime.forgetSubject('w-7', why)
    for (const [name, ask] of Object.entries(answers)) {
      const text = JSON.stringify(await ask())
      assert.ok(text.includes('forgotten') && !text.includes(NAME) && !text.includes(SEALED), name)
    }
  })

  it('is in no refusal that is stored or logged: the declared sentence is there, also for a repeat', async () => {
    const { stores } = await started()
    const telling = decidingBy((name) => refuse('same-name', `${name.toUpperCase()} is already here`))
    const lines: string[] = []
    for (const turn of ['first', 'repeated']) {
      const process = startInMemory(telling, stores)
      await process.react('library', stores.log.all(), (line) => lines.push(line))
      const answer = await process.send('member-copy-of-member-1', join(), 'once')
      assert.match(answer.outcome === 'refused' ? answer.detail : '', /^WILHELMINA QUIST is already here/, turn)
    }
    assert.deepEqual(
      lines.filter((line) => line.includes('refused')),
      Array(2).fill('member-1@1: member-copy-of-member-1 refused join: same-name: It is the same name.'),
    )
    const [copies] = library.reactions
    assert.ok(copies)
    const key = `${formatConsumerName('library', copies)} member-1`
    const receipt = await stores.log.findOutcome('member-copy-of-member-1', key)
    assert.deepEqual(receipt?.refusal, { code: 'same-name', detail: 'It is the same name.' })
    assertTellsNobody([lines, receipt, await storedText(stores)])
  })

  it('is in no error of code that read it: kind and place are logged, parked and answered', async () => {
    const thrown = (name: string) => new RangeError(`no card for ${name.toUpperCase()}:\n${name}`)
    const throwing: Readonly<Record<string, Service>> = {
      decide: decidingBy((name) => {
        throw thrown(name)
      }),
      'decide, with a code': decidingBy((name) => {
        throw new TidemarkError('event-invalid', name.toUpperCase())
      }),
      evolve: deciding({
        evolve: (_, event) => {
          throw thrown(event.type === 'Joined' ? event.data.fullName : '')
        },
      }),
      subject: deciding({
        subject: (state) => {
          throw thrown(state.name ?? '')
        },
      }),
      publish: {
        ...library,
        publishes: [
          published(Joined, PublicJoined, ({ fullName }) => {
            throw thrown(fullName)
          }),
        ],
      },
      schema: decidingBy((name) => [
        { type: 'Joined', data: { member: 'w-7', fullName: `${name} ${name} ${name}`, lines: [] } },
      ]),
    }
    for (const [what, service] of Object.entries(throwing)) {
      const { stores } = await started()
      const process = startInMemory(service, stores)
      const error = await process.send('member-2', join()).catch((error: unknown) => error)
      assert.ok(error instanceof Error, what)
      assertTellsNobody([inspect(error), error.stack], what)
      if (what === 'schema') assert.equal(error.message, 'Joined does not fit its schema: /fullName')
      else assert.match(error.message, /^the .* threw (Range|Tidemark)Error at .*forgetting\.test\.ts:[0-9]+/, what)
      assert.equal(isTidemarkError(error), ['schema', 'decide, with a code'].includes(what), what)
      // The message for a reaction is what is parked, or thrown to the host, which logs it.
      const lines: string[] = []
      const given = await process.react('library', stores.log.all(), (line) => lines.push(line)).catch(describeError)
      const parked = await stores.parking.streams()
      assert.ok(given !== undefined || parked.length === 1, what)
      assertTellsNobody([given, lines, parked], what)
    }
    const { stores, send } = await started()
    const [copies] = library.reactions
    assert.ok(copies)
    const react: ImmediateReaction<EventOf<typeof Joined>>['react'] = async (_, send) => {
      const { events } = await send(members, '2', 'again', join() as never)
      throw thrown(readText(events[0]?.data, 'fullName'))
    }
    const rejoins = { ...copies, events: [Stamped], react } as unknown as typeof copies
    await send('member-1', { type: 'stamp', data: { text: 'x' } })
    await startInMemory({ ...library, reactions: [rejoins] }, stores).react('library', stores.log.all())
    const parked = await stores.parking.streams()
    assert.match(parked[0]?.reason ?? '', /^copies threw RangeError at /)
    assertTellsNobody(parked)
  })

  it('has a snapshot that is sealed, and is not used once the subject is forgotten', async () => {
    const { stores } = await started()
    const id = snapshotId(members) ?? ''
    const second = startInMemory(library, stores)
    await second.send('member-1', { type: 'stamp', data: { text: 'x' } })
    for (let turn = 0; turn < 100 && stores.snapshots.size === 0; turn += 1)
      await new Promise((resolve) => setImmediate(resolve))
    const snapshot = await stores.snapshots.read('member-1', id)
    assert.equal(listSealed(snapshot?.state ?? '').length, 1)
    assert.ok(!(await storedText(stores)).includes('Quist'))

    await second.runtime.forgetSubject('w-7', why)
    const third = startInMemory(library, stores)
    assert.deepEqual(await third.send('member-1', { type: 'rename', data: { to: 'forgotten' } }), {
      ...{ outcome: 'refused', code: 'same-name' },
      detail: 'it is the same name',
    })
  })

  it('is left out of the fingerprint: a repeat with another name gets the first answer', async () => {
    const { stores, send } = await started()
    const first = await send('member-2', join('Anna'), 'once')
    assert.deepEqual(await send('member-2', join('Berta'), 'once'), first)
    const other = await send('member-2', { type: 'stamp', data: { text: 'x' } }, 'once')
    assert.equal(other.outcome === 'refused' && other.code, 'idempotency-key-reused')
    assert.equal(stores.log.all().filter(({ stream }) => stream === 'member-2').length, 1)
  })

  it('had a place in the fingerprint before it was marked: a repeat still gets the first answer', async () => {
    const stores = memoryStores()
    const commands = members.commands.map((type) => ({ ...type, schema: z.any() }))
    const before = startInMemory({ ...library, deciders: [{ ...members, commands }, erasure] }, stores)
    const first = await before.send('member-2', join('Anna'), 'once')
    const after = startInMemory(library, stores)
    assert.deepEqual(await after.send('member-2', join('Anna'), 'once'), first)
    const stamp = { type: 'stamp', data: { text: 'x' } }
    const other = await after.send('member-2', stamp, 'once')
    assert.equal(other.outcome === 'refused' && other.code, 'idempotency-key-reused')
  })
})

describe('a subject', () => {
  it('is not forgotten because the keys cannot be read: queries and commands fail, and work later', async () => {
    const items = new MemoryKeys()
    let isDown = false
    const unreliable: KeyItems = {
      write: (item, etag) => items.write(item, etag),
      async read(id) {
        if (isDown) throw new TidemarkError('unavailable', 'the keys cannot be reached')
        return items.read(id)
      },
    }
    const { stores } = await started(unreliable)
    const later = startInMemory(library, stores)
    isDown = true
    await assert.rejects(readName(later), { code: 'unavailable' })
    await assert.rejects(later.send('member-1', { type: 'rename', data: { to: 'x' } }), { code: 'unavailable' })
    await assert.rejects(later.runtime.forgetSubject('w-7', why), { code: 'unavailable' })
    isDown = false
    assert.deepEqual(await readName(later), { name: NAME, label: `${NAME} (1)` })
    items.lose(subjectId('w-7'))
    await assert.rejects(readName(startInMemory(library, stores)), { code: 'personal-unreadable' })
  })

  it('that is forgotten is so at once here, and after five minutes in every other process', async () => {
    const { stores, send, ...process } = await started()
    const other = startInMemory(library, stores)
    assert.deepEqual(await readName(other), { name: NAME, label: `${NAME} (1)` })
    await other.send('member-1', { type: 'stamp', data: { text: 'x' } })

    const state = await process.runtime.forgetSubject('w-7', why)
    assert.equal(state.state, 'forgotten')
    assert.deepEqual(await readName({ ...process, send }), { name: 'forgotten', label: 'forgotten (1)' })
    assert.equal(readText(await readName(other), 'name'), NAME)
    await stores.clock.wait(KEPT_MS + 1)
    assert.ok(stores.clock.now() > (state.forgotten?.everywhere ?? 'z'))
    assert.deepEqual(await readName(other), { name: 'forgotten', label: 'forgotten (1)' })
    // Its state was folded before, and kept busy since.
    const same = await other.send('member-1', { type: 'rename', data: { to: 'forgotten' } })
    assert.equal(same.outcome === 'refused' && same.code, 'same-name')
  })

  it('that is forgotten is so in time where a state was folded with a key about to expire', async () => {
    const { stores, runtime } = await started()
    const other = startInMemory(library, stores)
    await readName(other)
    const { forgotten } = await runtime.forgetSubject('w-7', why)
    await stores.clock.wait(EACH_KEPT_MS - 10_000)
    const renamed = await other.send('member-1', { type: 'rename', data: { to: NAME } })
    assert.equal(renamed.outcome === 'refused' && renamed.code, 'same-name', 'the state has the name')
    await stores.clock.wait(Date.parse(forgotten?.everywhere ?? '') + 1 - Date.parse(stores.clock.now()))
    const same = await other.send('member-1', { type: 'rename', data: { to: 'forgotten' } })
    assert.equal(same.outcome === 'refused' && same.code, 'same-name')
  })

  it('who comes back once forgotten gets a new key in every process, and none seals what it read before', async () => {
    const { stores, runtime } = await started()
    // It writes the name in its state again.
    const copying = deciding({
      decide: (state, command, context) =>
        command.type === 'stamp'
          ? [{ type: 'Renamed', data: { to: `${state.name} again` } }]
          : members.decide(state, command, context),
    })
    const other = startInMemory(copying, stores)
    const stamp = { type: 'stamp', data: { text: 'x' } }
    for (const stream of ['member-1', 'member-1']) await other.send(stream, stamp)
    await other.send('member-2', join())
    await runtime.forgetSubject('w-7', why)
    await other.send('member-3', join('Mina'))
    for (const stream of ['member-1', 'member-2']) await other.send(stream, stamp)
    const fresh = startInMemory(library, stores)
    const read = async (stream: string) =>
      (await fresh.runtime.history(stream, { direction: 'forward', limit: 10 })).events.map(({ data }) => data)
    assert.equal(readText((await read('member-3'))[0], 'fullName'), 'Mina')
    const [joined, ...renamed] = await read('member-1')
    assert.equal(readText(joined, 'fullName'), 'forgotten')
    assert.deepEqual(
      renamed.map((data) => readText(data, 'to')),
      ['forgotten', 'forgotten', 'forgotten again'],
    )
    assert.equal(readText((await read('member-2'))[1], 'to'), 'forgotten again')
    assertTellsNobody([await read('member-1'), await read('member-2'), await read('member-3')])
  })

  it('whose text is sealed while it is forgotten is forgotten with it: folds, views and verifying go on', async () => {
    const { stores, send, project, ...process } = await started()
    const other = startInMemory(library, stores)
    await other.send('member-2', join())
    const { clock } = stores
    const wait = clock.wait.bind(clock)
    let joined: unknown
    clock.wait = async (milliseconds) => {
      joined ??= await other.send('member-3', join('Mina'))
      await wait(milliseconds)
    }
    await process.runtime.forgetSubject('w-7', why)
    assert.deepEqual(joined, { outcome: 'done', stream: 'member-3', version: 1, events: 1 })
    await project(stores.log.all())
    assert.deepEqual((await process.runtime.document(memberView, 'member-3'))?.document, {
      name: 'forgotten',
      label: 'forgotten (1)',
    })
    const same = await send('member-3', { type: 'rename', data: { to: 'forgotten' } })
    assert.equal(same.outcome === 'refused' && same.code, 'same-name')
    assert.ok(stores.log.all().every(hashFits))
  })

  for (const [when, comesBack] of [
    ['the command', false],
    ['another command before it', true],
  ] as const)
    it(`that is forgotten after a reaction read its event is not in its command: ${when} shows that`, async () => {
      const { stores, runtime } = await started()
      const [copies] = library.reactions as readonly [ImmediateReaction<EventOf<typeof Joined>>]
      let turn = 0
      const react: typeof copies.react = async (event, send) => {
        turn += 1
        if (turn === 1) {
          await runtime.forgetSubject('w-7', why)
          if (comesBack) await other.send('member-9', join('Mina'))
        }
        await copies.react(event, send)
      }
      const other = startInMemory({ ...library, reactions: [{ ...copies, react }] }, stores)
      const [joined] = stores.log.all()
      assert.ok(joined)
      // Its state of the stream has a text of before, too.
      await other.send('member-copy-of-member-1', join('Otto'))
      await other.react('library', [joined])
      assert.equal(turn, 2)
      const { events } = await runtime.history('member-copy-of-member-1', { direction: 'forward', limit: 10 })
      assert.deepEqual(
        events.map(({ data }) => readText(data, 'fullName')),
        ['forgotten', 'forgotten'],
      )
    })

  it('is recorded as forgotten once, also if the process ends between the two writes', async () => {
    const { stores, runtime } = await started()
    const keys = stores.keys.get('library')
    assert.ok(keys)
    const ends = startInMemory(library, stores, {
      log: () =>
        Object.assign(Object.create(stores.log), {
          append: () => Promise.reject(new TidemarkError('unavailable', 'the process ended')),
        }),
    })
    await assert.rejects(ends.runtime.forgetSubject('w-7', why), { code: 'unavailable' })
    assert.equal((await runtime.lookSubject('w-7')).state, 'forgotten')
    assert.equal(erasures(stores.log.all()).length, 0)
    for (const reason of ['again', 'and again'])
      assert.equal((await runtime.forgetSubject('w-7', { ...why, reason })).position, `erasure-${subjectId('w-7')}@1`)
    const [event, ...more] = erasures(stores.log.all())
    assert.deepEqual(more, [])
    assert.deepEqual([event?.data, event?.actor], [{ key: `${subjectId('w-7')}.1`, reason: why.reason }, 'ada'])
    assert.deepEqual(await runtime.forgetSubject('nobody', why), { subject: subjectId('nobody'), state: 'no-key' })
  })

  it('that is forgotten leaves a chain that fits, and streams that go on; who comes back has a new key', async () => {
    const { stores, ...process } = await started()
    const before = stores.log.all()
    await process.runtime.forgetSubject('w-7', why)
    assert.deepEqual(stores.log.all().slice(0, before.length), before)
    assert.ok(stores.log.all().every(hashFits))
    const next = startInMemory(library, stores)
    assert.equal((await next.send('member-1', { type: 'rename', data: { to: 'Mina' } })).outcome, 'done')
    await next.project(stores.log.all())
    assert.deepEqual(await readName(next), { name: 'Mina', label: 'Mina (2)' })
    const { events } = await next.runtime.history('member-1', { direction: 'forward', limit: 10 })
    assert.deepEqual([readText(events[0]?.data, 'fullName'), readText(events[1]?.data, 'to')], ['forgotten', 'Mina'])
    assert.equal((await next.runtime.lookSubject('w-7')).key, `${subjectId('w-7')}.2`)
  })

  it('that is forgotten gets no new key from a process that goes on with what it reads', async () => {
    const { stores, send, runtime } = await started()
    const other = startInMemory(library, stores)
    await other.send('member-1', { type: 'stamp', data: { text: 'x' } })
    await runtime.forgetSubject('w-7', why)
    const renamed = await other.send('member-1', { type: 'rename', data: { to: 'forgotten' } })
    assert.equal(renamed.outcome === 'done' && renamed.events, 1)
    assert.deepEqual(stores.log.all().find(({ type }) => type === 'Renamed')?.data, { to: 'forgotten' })
    assert.equal((await runtime.lookSubject('w-7')).state, 'forgotten')
    await send('member-1', { type: 'rename', data: { to: 'Mina' } })
    assert.equal((await runtime.lookSubject('w-7')).state, 'has-key')
  })

  it('that is forgotten gets no new key from a process that did not know, and would repeat the name', async () => {
    const { stores, runtime } = await started()
    const copying = deciding({ decide: ({ name = '' }) => [{ type: 'Renamed', data: { to: name } }] })
    const other = startInMemory(copying, stores)
    const stamp = { type: 'stamp', data: { text: 'x' } }
    await other.send('member-1', stamp)
    await runtime.forgetSubject('w-7', why)
    assert.equal((await other.send('member-1', stamp)).outcome, 'done')
    assert.deepEqual(stores.log.all().at(-1)?.data, { to: 'forgotten' })
    assert.equal((await runtime.lookSubject('w-7')).state, 'forgotten')
  })

  it('that is forgotten leaves a view that equals its rebuild, byte by byte', async () => {
    const { stores, ...process } = await started()
    const { live } = await stores.views.state(memberView.name)
    const document = (await live.store.read('member-1'))?.document
    await process.runtime.forgetSubject('w-7', why)
    const { live: next } = await process.runtime.rebuildView(memberView, unwatched)
    assert.notEqual(next, live.number)
    const rebuilt = stores.views.store(memberView.name, next)
    assert.deepEqual((await rebuilt.read('member-1'))?.document, document)
  })
})

describe('another service', () => {
  it('that fails on an event parks it, and its reason does not tell the personal text', async () => {
    const { stores } = await started()
    const its = { ...memoryStores(), clock: stores.clock, keys: stores.keys }
    const [greets] = post.reactions
    assert.ok(greets)
    const react = async ({ data }: { readonly data: { readonly greeting: string } }): Promise<void> => {
      throw new TypeError(`no stamp for ${data.greeting.toUpperCase()} today`)
    }
    const failing = { ...post, reactions: [{ ...greets, react }] } as typeof post
    await startInMemory(failing, its).react('library', stores.log.all())
    const [parked] = await its.parking.streams()
    assert.match(parked?.reason ?? '', /^greets threw TypeError at .*forgetting\.test\.ts:.*left out/)
    assertTellsNobody([parked, await its.parking.events(parked as never, 9)])
  })

  it('reads a personal text by a grant, and without one the text for a forgotten field', async () => {
    const { stores } = await started()
    const read = async (declared: typeof post): Promise<unknown> => {
      const its = { ...memoryStores(), clock: stores.clock, keys: stores.keys }
      await startInMemory(declared, its).react('library', stores.log.all())
      return its.log.all().map(({ data }) => data)
    }
    assert.deepEqual(await read({ ...post, personal: {} }), [{ text: 'somebody' }])
    assert.deepEqual(await read(post), [{ text: `Hello ${NAME}` }])
  })

  it('forgets with the owner: afterwards its reactions write nothing that they could read before', async () => {
    const { stores, send, runtime } = await started()
    await send('member-2', join())
    const its = { ...memoryStores(), clock: stores.clock, keys: stores.keys }
    const process = startInMemory(post, its)
    const [first, second] = stores.log.all()
    assert.ok(first && second)
    await process.react('library', [first])
    await runtime.forgetSubject('w-7', why)
    await process.react('library', [second])
    assert.deepEqual(
      its.log.all().map(({ data }) => data),
      [{ text: `Hello ${NAME}` }, { text: 'somebody' }],
    )
  })

  it('gets an event again if the keys cannot be read, and nothing is parked', async () => {
    const { stores } = await started()
    const its = { ...memoryStores(), clock: stores.clock }
    const down: KeyItems = {
      read: () => Promise.reject(new TidemarkError('unavailable', 'the keys cannot be reached')),
      write: () => Promise.reject(new TidemarkError('unavailable', 'the keys cannot be reached')),
    }
    const library = stores.keys.get('library')
    assert.ok(library)
    its.keys.set('library', { ...library, items: down })
    const process = startInMemory(post, its)
    await assert.rejects(process.react('library', stores.log.all()), { code: 'unavailable' })
    assert.deepEqual([its.log.all(), await its.parking.streams()], [[], []])
  })
})

describe('a view over another service', () => {
  /** A process of a service that follows the library, whose archive lacks its newest event. */
  async function following() {
    const { stores, send, runtime: owner } = await started()
    const [archive, hub] = [new MemoryArchive(), new MemoryHub(['0'])]
    const feed = new MemoryItemFeed(stores.log, () => stores.clock.now())
    await new ArchiveWriter({ service: 'library', archive, feed, clock: stores.clock }).write(60_000)
    await send('member-2', { type: 'join', data: { member: 'w-8', name: 'Otto' } })
    hub.send('0', ...stores.log.all().map(toCloudEvent))
    const its = { ...memoryStores(), clock: stores.clock, keys: stores.keys }
    const start = (declared = porch) =>
      startInMemory(declared, its, { sourceArchive: () => archive, hub: () => hub }).runtime
    const first = startInMemory(porch, its, { sourceArchive: () => archive, hub: () => hub })
    await first.projectFrom('library', stores.log.all())
    return { owner, start, its, clock: stores.clock }
  }
  const hello = (name: string) => ({ hello: `Hello ${name} (1)` })
  const page = { limit: 10 }
  const at = '2027-01-01T00:00:00.000Z'
  const askAll = async (runtime: ReturnType<typeof startInMemory>['runtime']) => [
    (await runtime.document(visitorView, 'member-1'))?.document,
    (await runtime.documents(visitorView, { filter: {}, ...page })).documents[1],
    (await runtime.findDocuments(visitorView, { filter: {}, key: 'member-1', ...page })).items[0]?.document,
    (await runtime.documentAt(visitorView, { key: 'member-1' })).items[0]?.document,
    (await runtime.viewAt(visitorView, { at, maxEvents: 100, ...page })).items[0]?.document,
  ]

  it('shows personal texts by a grant, stores them sealed, and shows no one who is forgotten', async () => {
    const { owner, start, its, clock } = await following()
    const runtime = start()
    const whole = Array.from({ length: 5 }, () => hello(NAME))
    assert.deepEqual(await askAll(runtime), whole)
    assert.ok(JSON.stringify(await runtime.readSources(visitorView, page)).includes(NAME))
    assert.ok(JSON.stringify(await runtime.documentEvents(visitorView, { key: 'member-1', ...page })).includes(NAME))
    const refused = { hello: 'somebody (1)' }
    assert.deepEqual(await askAll(start({ ...porch, personal: {} })), Array(5).fill(refused))

    const { live } = await its.views.state(visitorView.name)
    const stored = await live.store.list({ filter: {}, ...page })
    assert.equal(stored.length, 2)
    assert.ok(!JSON.stringify(stored).includes('Quist') && listSealed(JSON.stringify(stored)).length === 2)

    await owner.forgetSubject('w-7', why)
    assert.deepEqual(await askAll(runtime), whole)
    await clock.wait(KEPT_MS + 1)
    assert.deepEqual(await askAll(runtime), Array(5).fill(refused))
    assert.ok(!JSON.stringify(await runtime.readSources(visitorView, page)).includes(NAME))
    assert.deepEqual((await runtime.document(visitorView, 'member-2'))?.document, hello('Otto'))
  })

  it('equals its rebuild byte by byte, before and after a person is forgotten', async () => {
    const { owner, start, its } = await following()
    const read = async (generation: number) =>
      (await its.views.store(visitorView.name, generation).list({ filter: {}, ...page })).map(
        ({ document }) => document,
      )
    const first = await read((await its.views.state(visitorView.name)).live.number)
    assert.equal(first.length, 2)
    for (const forget of [false, true]) {
      if (forget) await owner.forgetSubject('w-7', why)
      const { live } = await start().rebuildView(visitorView, unwatched)
      assert.equal(live, forget ? 3 : 2)
      assert.deepEqual(await read(live), first)
    }
  })
})

describe('a service with personal data', () => {
  it('does not start without a place for its keys', () => {
    assert.throws(() => serviceRuntime(library, {} as never, { cachedStreams: 1 } as never), {
      code: 'registration-invalid',
    })
  })
})

/** The library with another decider of members. */
function deciding(changed: Partial<typeof members>): Service {
  const decider = { ...members, ...changed } as typeof members
  const [copies] = library.reactions as readonly [ImmediateReaction<EventOf<typeof Joined>>]
  const react: typeof copies.react = (event, send) =>
    copies.react(event, (_, id, commandId, command) => send(decider, id, commandId, command as never) as never)
  return { ...library, deciders: [decider, erasure], reactions: [{ ...copies, react }] }
}

/** The library whose members decide on the name in the command. */
function decidingBy(decide: (name: string) => ReturnType<typeof members.decide>): Service {
  return deciding({ decide: (_, { data }) => decide('name' in data ? data.name : '') })
}

/** Checks that nothing in a value has a part of the name, in any case. */
function assertTellsNobody(value: unknown, what = ''): void {
  const text = JSON.stringify(value)
  assert.ok(text.length > 20, `there is something to search: ${text} ${what}`)
  assert.doesNotMatch(text, /wilhelmina|quist/i, what)
}

function erasures(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  return events.filter(({ stream }) => stream.startsWith('erasure-'))
}

/** A field of a document or of an event's data. */
function readText(value: unknown, field: string): string {
  return String((value as Readonly<Record<string, unknown>> | undefined)?.[field])
}
