// The API for writing a service. Everything else is internal or has its own subpath.

export { type Config, defineConfig } from './config.ts'
export { canary, canaryView } from './core/canary.ts'
export { type Closable, type ClosedBooks, type Closing, closeBooks } from './core/closing.ts'
export {
  type Command,
  type CommandOf,
  type CommandType,
  commandType,
  type Decider,
  type Decision,
  type DecisionContext,
  isRefusal,
  type Refusal,
  refuse,
} from './core/decider.ts'
export { isDocumentKey } from './core/document-key.ts'
export { erasure } from './core/erasure.ts'
export { type ErrorCode, isTidemarkError, TidemarkError } from './core/errors.ts'
export {
  type DomainEvent,
  type EndedEventType,
  type Ending,
  type EventContent,
  type EventOf,
  type EventType,
  type EventVersion,
  eventType,
  type LiveEventType,
  type MergedVersions,
  type Part,
  type Recorded,
  type RecordedEvent,
  retired,
} from './core/event.ts'
export type { FieldType, FieldValues } from './core/list.ts'
export { type PersonalOptions, personal } from './core/personal.ts'
export { type ProcessInput, type ProcessManager, processManager } from './core/process-manager.ts'
export type { ImmediateReaction, Reaction, SchedulingReaction, Send, SendLater, Sent, Trace } from './core/reaction.ts'
export type { Resource, ResourceCommands, ResourceDocuments } from './core/resource.ts'
export { type PersonalGrants, type PublicEvent, published, type Service } from './core/service.ts'
export { formatEventPosition } from './core/stream.ts'
export type { MultiServiceView, MultiStreamView, SingleStreamView, SourceEvent, ViewSource } from './core/view.ts'
