import { z } from 'zod'
import { type CommandOf, commandType, type Decider } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import type { Service } from '../../core/service.ts'
import type { MultiStreamView, SingleStreamView } from '../../core/view.ts'

const labels = z.strictObject({ labels: z.array(z.string()) })
const Labelled = eventType('Labelled', labels)
const commands = [commandType('label', labels, { creates: true })] as const
type ShelfEvent = EventOf<typeof Labelled>

/** Accepts any text as a label, which a real decider should not if its events name document keys. */
export const shelf: Decider<null, CommandOf<(typeof commands)[number]>, ShelfEvent> = {
  category: 'shelf',
  commands,
  events: [Labelled],
  initial: null,
  evolve: () => null,
  decide: (_, { data }) => [{ type: 'Labelled', data }],
}

interface Shelf {
  readonly labels: readonly string[]
}

/** All shelves have one sort key. */
export const shelfView: SingleStreamView<Shelf, ShelfEvent> = {
  kind: 'one-stream',
  name: 'shelf',
  category: 'shelf',
  filters: {},
  evolve: (_, { data }) => data,
  sort: () => 'shelf',
}

interface Label {
  readonly label: string
  readonly times: number
}

/** A document for each label, of any text; all have one sort key. */
export const labelView: MultiStreamView<Label, ShelfEvent> = {
  kind: 'many-streams',
  name: 'label',
  category: 'shelf',
  filters: {},
  documentKeys: ({ data }) => data.labels,
  evolve: (document, _, label) => ({ label, times: (document?.times ?? 0) + 1 }),
  sort: () => '',
}

/** A service whose documents have any keys. */
export const shelves: Service = {
  name: 'shelves',
  deciders: [shelf],
  publishes: [],
  views: [shelfView, labelView],
  reactions: [],
}
