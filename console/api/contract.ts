import type { paths } from '../generated/api.d.ts'

/** The body of a route's answer. */
type Answered<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } }
}
  ? Body
  : never

export type Status = Answered<'/status'>
export type ParkedList = Answered<'/parked'>
export type ParkedStream = ParkedList['streams'][number]
export type ParkedMessage = ParkedList['messages'][number]
export type EventPage = Answered<'/streams/{stream}/events'>
export type RecordedEvent = EventPage['items'][number]
export type StreamState = Answered<'/streams/{stream}/state'>

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Versions {
  readonly type: string
  readonly versions: readonly { readonly version: number; readonly schema: JsonSchema }[]
}

export interface About {
  readonly service: string
  readonly build: string
  readonly hub: string
  readonly categories: readonly {
    readonly name: string
    readonly process: boolean
    readonly commands: readonly string[]
    readonly events: readonly string[]
  }[]
  readonly events: readonly (Versions & { readonly published?: Versions })[]
  readonly views: readonly {
    readonly name: string
    readonly kind: 'one-stream' | 'many-streams'
    readonly category: string
    readonly filters: Readonly<Record<string, readonly string[]>>
  }[]
  readonly consumers: readonly {
    readonly name: string
    readonly hub: string
    readonly kind: 'views' | 'reactions'
    readonly handlers: readonly {
      readonly name: string
      readonly category: string
      readonly events: readonly string[] | null
    }[]
  }[]
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly continuation?: string
}

export interface StreamRow {
  readonly stream: string
  readonly version: number
  readonly time: string
  readonly types: readonly string[]
}

export interface Rebuild {
  readonly action: 'rebuild' | 'go-back'
  readonly state: 'running' | 'done' | 'failed'
  readonly stage: 'reading' | 'handover' | 'live'
  readonly target: number
  readonly commits: number
  readonly total: number
  readonly startedAt: string
  readonly updatedAt: string
  readonly by: string
  readonly code?: string
  readonly reason?: string
}

export interface ViewRow {
  readonly name: string
  readonly kind: 'one-stream' | 'many-streams'
  readonly category: string
  readonly filters: Readonly<Record<string, readonly string[]>>
  readonly live: number
  readonly generations: readonly {
    readonly number: number
    readonly role: 'live' | 'writing' | 'previous'
    readonly left?: string
  }[]
  readonly rebuild?: Rebuild
}

export interface DocumentRow {
  readonly key: string
  readonly version?: number
  readonly document: unknown
}

export interface DocumentPage extends Page<DocumentRow> {
  readonly searched: number
}

export interface ScheduledCommand {
  readonly stream: string
  readonly due: string
  readonly type: string
  readonly data: unknown
  readonly correlation: string
  readonly causation: string
  readonly actor: string
}

export interface Verification {
  readonly checked: Readonly<Record<'commits' | 'events' | 'receipts' | 'streams' | 'documents', number>>
  readonly findings: readonly { readonly place: string; readonly wrong: string; readonly detail: string }[]
  readonly continuation?: string
  readonly progress: { readonly done: number; readonly total: number }
}

export interface Accepted {
  readonly id: string
  readonly version: number
  readonly events: number
  readonly position: string
}
