import type { RecordedEvent } from 'tidemark'
import type { ParkedMessage, ParkedStream, ServiceStatus } from 'tidemark/tools'

// The answers of the operations API. schemas/openapi.json describes each field.

/** An event as the log stores it. */
export type EventAnswer = RecordedEvent

export interface StateAnswer {
  readonly stream: string
  readonly version: number
  readonly time: string
  readonly hash: string
  readonly state: unknown
}

export type StatusAnswer = ServiceStatus & { readonly concerns: readonly string[] }

export interface ParkedAnswer {
  readonly streams: readonly (ParkedStream & { readonly consumer: string })[]
  readonly messages: readonly (ParkedMessage & { readonly consumer: string })[]
}

export interface ActedAnswer {
  readonly items: readonly {
    readonly consumer: string
    readonly handler?: string
    readonly stream?: string
    readonly message?: string
    readonly outcome: 'done' | 'waits' | 'needless' | 'discarded' | 'failed'
    readonly code?: string
    readonly reason?: string
  }[]
  /** Whether more of the selected items wait. */
  readonly more: boolean
}

export interface ScheduledAnswer {
  readonly stream: string
  readonly due: string
  readonly type: string
  readonly data: unknown
  readonly correlation: string
  readonly causation: string
  readonly actor: string
}
