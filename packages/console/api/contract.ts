import type { paths } from '../generated/api.d.ts'

/** The body of a route's answer. */
type Answered<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } }
}
  ? Body
  : never

type Posted<Path extends keyof paths> = paths[Path] extends {
  post: { responses: { 200: { content: { 'application/json': infer Body } } } }
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

export type About = Answered<'/about'>
export type Versions = Pick<About['events'][number], 'type' | 'versions'>
export type StreamPage = Answered<'/streams'>
export type StreamRow = StreamPage['items'][number]
export type EventTail = Answered<'/events'>
export type TracePage = Answered<'/traces/{correlation}'>
export type ViewList = Answered<'/views'>
export type ViewRow = ViewList['items'][number]
export type Rebuild = NonNullable<ViewRow['rebuild']>
export type Comparison = NonNullable<Rebuild['comparison']>
export type DocumentPage = Answered<'/views/{view}/documents'>
export type DocumentRow = DocumentPage['items'][number]
export type DocumentEvents = Answered<'/views/{view}/events'>
export type SchedulePage = Answered<'/schedule'>
export type ScheduledCommand = SchedulePage['items'][number]

export type Verification = Posted<'/verification'>

export type JsonSchema = Readonly<Record<string, unknown>>

/** The answer of a command's route, for any service. */
export interface Accepted {
  readonly id: string
  readonly version: number
  readonly events: number
  readonly position: string
}
