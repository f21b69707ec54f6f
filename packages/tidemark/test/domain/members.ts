import { z } from 'zod'
import { type Command, commandType, type Decider, refuse } from '../../core/decider.ts'
import { erasure } from '../../core/erasure.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import { personal } from '../../core/personal.ts'
import type { Reaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import type { MultiServiceView, SingleStreamView, SourceEvent } from '../../core/view.ts'

/** Members of a library: a card each, and the person whose it is. */
const name = personal(z.string().min(1).max(40), { forgotten: 'forgotten' })
const lines = z.array(z.object({ text: personal(z.string(), { forgotten: '' }), kind: z.string() }))

const joinedV1 = z.object({ member: z.string(), name, lines: lines.exactOptional() })
export const Joined = eventType('Joined', joinedV1).breaking(
  z.object({ member: z.string(), fullName: name, lines }),
  ({ member, name, lines = [] }) => ({ member, fullName: name, lines }),
)
export const Renamed = eventType('Renamed', z.object({ to: name }))
export const Stamped = eventType('Stamped', z.object({ text: z.string() }))
type MemberEvent = EventOf<typeof Joined | typeof Renamed | typeof Stamped>

export const PublicJoined = eventType('Joined', z.object({ greeting: personal(z.string(), { forgotten: 'somebody' }) }))

interface Member {
  readonly member?: string
  readonly name?: string
}

type Cmd =
  | Command<'join', { member: string; name: string }>
  | Command<'rename', { to: string }>
  | Command<'stamp', { text: string }>
  | Command<'hand-over', { member: string; name: string }>

const joining = z.object({ member: z.string(), name })
export const members: Decider<Member, Cmd, MemberEvent> = {
  category: 'member',
  commands: [
    commandType('join', joining, { creates: true }),
    commandType('rename', z.object({ to: name })),
    commandType('stamp', z.object({ text: z.string() })),
    commandType('hand-over', joining),
  ],
  events: [Joined, Renamed, Stamped],
  refusals: { 'same-name': 'It is the same name.' },
  initial: {},
  stateVersion: 1,
  subject: ({ member }) => member,
  evolve(state, event) {
    if (event.type === 'Joined') return { member: event.data.member, name: event.data.fullName }
    return event.type === 'Renamed' ? { ...state, name: event.data.to } : state
  },
  decide(state, { type, data }) {
    if (type === 'stamp') return [{ type: 'Stamped', data }]
    if (type === 'rename')
      return data.to === state.name ? refuse('same-name', 'it is the same name') : [{ type: 'Renamed', data }]
    const lines = [{ text: `Dear ${data.name}`, kind: 'greeting' }]
    return [{ type: 'Joined', data: { member: data.member, fullName: data.name, lines } }]
  },
}

interface MemberDocument {
  readonly name: string
  readonly label: string
}

export const memberView: SingleStreamView<MemberDocument, MemberEvent> = {
  kind: 'one-stream',
  name: 'members',
  category: 'member',
  filters: {},
  evolve(document, { type, data, version }) {
    const name = type === 'Joined' ? data.fullName : type === 'Renamed' ? data.to : (document?.name ?? '')
    return { name, label: `${name} (${version})` }
  },
  sort: () => '',
}

/** Copies each name to a card: the reaction reads the name, and another stream seals it again. */
const copies: Reaction<EventOf<typeof Joined>> = {
  name: 'copies',
  service: 'library',
  category: 'member',
  events: [Joined],
  startsAt: 'first',
  async react({ stream, data: { member, fullName } }, send) {
    if (!stream.startsWith('member-copy'))
      await send(members, `copy-of-${stream}`, stream, { type: 'join', data: { member, name: fullName } })
  },
}

export const library: Service = {
  name: 'library',
  deciders: [members, erasure],
  publishes: [published(Joined, PublicJoined, ({ fullName }) => ({ greeting: `Hello ${fullName}` }))],
  views: [memberView],
  reactions: [copies],
  personal: { readers: ['post'] },
}

/** Another service, which greets by post. */
const letterCommands = [commandType('write', z.object({ text: z.string() }), { creates: true })] as const
const Written = eventType('Written', z.object({ text: z.string() }))
export const letters: Decider<null, Command<'write', { text: string }>, EventOf<typeof Written>> = {
  category: 'letter',
  commands: letterCommands,
  events: [Written],
  initial: null,
  evolve: () => null,
  decide: (_, { data }) => [{ type: 'Written', data }],
}

export const post: Service = {
  name: 'post',
  deciders: [letters],
  publishes: [],
  views: [],
  reactions: [
    {
      name: 'greets',
      service: 'library',
      category: 'member',
      events: [PublicJoined],
      startsAt: 'first',
      async react({ stream, data: { greeting } }, send) {
        await send(letters, stream, stream, { type: 'write', data: { text: greeting } })
      },
    } satisfies Reaction<EventOf<typeof PublicJoined>>,
  ],
  personal: { reads: ['library'] },
}

const visited = [{ service: 'library', category: 'member', events: [PublicJoined] }] as const

/** What another service may show of the members, with a text that its view makes of a personal one. */
export const visitorView: MultiServiceView<{ readonly hello: string }, SourceEvent<typeof visited>> = {
  kind: 'many-services',
  name: 'visitors',
  sources: visited,
  filters: {},
  documentKeys: ({ stream }) => [stream],
  evolve: (_, { data, version }) => ({ hello: `${data.greeting} (${version})` }),
  sort: () => '',
}

/** A service that only follows the library. */
export const porch: Service = {
  name: 'porch',
  deciders: [],
  publishes: [],
  views: [visitorView],
  reactions: [],
  personal: { reads: ['library'] },
}
