// The API for tools: a system's declarations and what derives from them, its settings, and the types of its
// operations API. It loads no SDK.

export { cloudEvent, formatDataschema, toCloudEvent } from './core/cloud-event.ts'
export type { AnyDecider } from './core/decider.ts'
export { errorCodes, type FailureClass, failureClass } from './core/errors.ts'
export { findEventFaults } from './core/event-names.ts'
export { eventReader } from './core/event-reader.ts'
export { buildJsonSchema } from './core/json-schema.ts'
export type { DocumentAt, LogPart, StreamSummary, SubjectState, Verification, ViewSummary } from './core/operations.ts'
export type { ParkedMessage, ParkedStream } from './core/parking.ts'
export type { AnyReaction } from './core/reaction.ts'
export type { Comparison, Rebuild, RebuildAction } from './core/rebuild.ts'
export { RESERVED_PATHS } from './core/resource.ts'
export {
  archiveContainer,
  formatSource,
  hasLog,
  hasPersonalData,
  listOwnViews,
  listReactions,
  needsKeyWrap,
} from './core/service.ts'
export type { ConsumerStatus, ServiceStatus } from './core/status.ts'
export { isStream } from './core/stream.ts'
export type { AnyView } from './core/view.ts'
export { parseTime } from './runtime/time.ts'
export { ViewFold } from './runtime/view-fold.ts'
export { type Place, type Setting, type SettingName, settings } from './settings/list.ts'
export { readSettings } from './settings/read.ts'
export { buildTopology, type Topology } from './topology.ts'
export { type TriedDecision, tryDecide } from './what-if.ts'
