// Test support for services: given, when, then. None of it is deployed.

export { type Decided, type GivenEvents, given } from './given.ts'
export { later, moment } from './moment.ts'
export { type GivenStreams, type Projected, project } from './project.ts'
export { type Expected, type Messages, type Reacted, react } from './react.ts'
export { type Given, type RecordedAs, recordedAs } from './recorded-as.ts'
export type { Orders } from './shuffle.ts'
