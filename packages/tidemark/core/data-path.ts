import type { CommandRequest, CommandResult } from './command.ts'
import type { HistoryRange } from './commit.ts'
import type { AnyDecider } from './decider.ts'
import type { RecordedEvent } from './event.ts'
import type { StreamHead } from './hash-chain.ts'
import type { Delivery, ViewDocument } from './ports.ts'
import type { Trace } from './reaction.ts'
import type { Position } from './stream.ts'
import type { AnyView } from './view.ts'

/** Selects documents of a view, as a client asks for them: all values are texts. */
export interface ListQuery {
  /** Fields of the document, each with the value it must have. */
  readonly filter: Readonly<Record<string, string>>
  /** One of the view's orders. Absent: by its sort key. */
  readonly order?: string
  /** Default: descending. */
  readonly direction?: 'ascending' | 'descending'
  /** The least value of the field in `order`. */
  readonly from?: string
  /** All values of the field in `order` are less. */
  readonly to?: string
  readonly limit: number
  readonly continuation?: string
}

/** A page of a list. */
export interface DocumentPage {
  readonly documents: readonly unknown[]
  /** Opaque: pass it back to get the next page. Undefined at the end. */
  readonly continuation?: string
}

/** Stored events of a stream, in reading order. */
export interface HistoryPage {
  readonly events: readonly RecordedEvent[]
  /** The version after which the next page starts, in the same direction. Undefined at the end. */
  readonly continuation?: number
}

/** A point in a stream's history: a version, or a time (RFC 3339). Default: the newest. */
export interface PointInTime {
  readonly version?: number
  readonly at?: string
}

/** What the functions of a service call: its commands, queries and triggers. The runtime implements it. */
export interface DataPath {
  /** @throws TidemarkError as `handleCommands` in the runtime */
  command(decider: AnyDecider, request: CommandRequest): Promise<CommandResult>
  /** @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position` */
  document(view: AnyView, key: string, positions?: readonly Position[]): Promise<ViewDocument | undefined>
  /** @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position`, `invalid-query` */
  documents(view: AnyView, query: ListQuery, positions?: readonly Position[]): Promise<DocumentPage>
  /** @throws TidemarkError `stream-not-found`, `invalid-id` */
  history(stream: string, range: HistoryRange): Promise<HistoryPage>
  /** @throws TidemarkError `stream-not-found`, `invalid-id`, `invalid-time`, `version-not-found` */
  stateAt(
    stream: string,
    point: PointInTime,
  ): Promise<{ readonly state: unknown; readonly head: StreamHead; readonly time: string }>
  /** Publishes the items of the log's change feed. */
  relay(items: readonly unknown[], trace: Trace): Promise<void>
  /** Delivers a batch of the service's own hub to all views of its own events. */
  project(delivery: Delivery, trace: Trace): Promise<void>
  /** Delivers a batch of a hub to all views of its public events. */
  projectFrom(hub: string, delivery: Delivery, trace: Trace): Promise<void>
  /** Delivers a batch of a hub to all reactions that follow it. */
  react(hub: string, delivery: Delivery, trace: Trace): Promise<void>
  /** The time between two calls of the periodic work, in seconds: 1 to 60. */
  readonly periodSeconds: number
  /** Sends due commands, checks for stalled consumers, redrives. */
  doPeriodicWork(trace: Trace): Promise<void>
  /** Writes unsaved progress before the process ends. */
  close(): Promise<void>
}
