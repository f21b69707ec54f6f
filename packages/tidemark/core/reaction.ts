import type { Command, Decider } from './decider.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'

/** What became of a command. */
export interface Sent<Event extends DomainEvent> {
  /** What it led to: those of its first time, however often it is sent. None where it was refused or there was nothing to do. */
  readonly events: readonly Event[]
  /** The code of the domain's no. */
  readonly refused?: string
}

/**
 * Sends a command to an aggregate of the reaction's own service. Await it, or return its promise: a reaction that does neither is waited for all
 * the same, fails its tests, and is told of in the log.
 * @param id of the aggregate
 * @param commandId made of the event alone: the same event sends the same command, which takes effect once.
 * @throws TidemarkError `invalid-command` for data that JSON does not keep, `registration-invalid` for a decider that the service does not list,
 *   and what the command fails with. What the reaction does not catch brings the event again.
 */
export type Send = <State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id: string,
  commandId: string,
  command: Cmd,
) => Promise<Sent<Event>>

/**
 * Sends a command later, to an aggregate of the reaction's own service: kept before the event is passed, sent when its time has come by the
 * store's clock, through any restart, and decided as of that time or later.
 * @param due RFC 3339, UTC, milliseconds: not before. Of what the aggregate itself recorded, so that a repeat schedules the same.
 */
export type SendLater = <State, Cmd extends Command, Event extends DomainEvent>(
  due: string,
  decider: Decider<State, Cmd, Event>,
  id: string,
  commandId: string,
  command: Cmd,
) => Promise<void>

/**
 * Takes a line for the log. `debug`: a refusal that a reaction's command met, which is an outcome and not a fault. `warn`: what is worth a look,
 * such as a command whose first outcome stands although it came with another content. `error`: what needs somebody to act.
 */
export type Trace = (line: string, level: 'debug' | 'info' | 'warn' | 'error') => void

/**
 * What a service does about events, of another or its own: commands of its own. One stream's events come in their order and each at
 * least once, so everything that `react` does is a command with an id of its own. A domain refusal is an outcome that `react`
 * may act on; what it throws brings the event again.
 */
export type Reaction<Event extends DomainEvent> = ImmediateReaction<Event> | SchedulingReaction<Event>

/** What all reactions declare. */
interface ReactionDeclaration {
  /** Lower-case letters, digits, dashes. */
  readonly name: string
  /** The service whose events these are. Of another it is told what that publishes, of its own all that is recorded. */
  readonly service: string
  /** The category of the streams that are followed. */
  readonly category: string
  /**
   * Those that it reacts to, of the other's contract; all others pass. A reaction that is to follow further events gets a new name: under its
   * old one it has passed them.
   */
  readonly events: readonly EventType[]
  /**
   * Where it begins when it is new: `first`, with the oldest event that the hub still has (7 days), or `now`, with the next one that comes. The
   * first reaction of a service to a hub begins with the oldest, as its consumer group does.
   */
  readonly startsAt: 'first' | 'now'
}

/** A reaction whose commands are all sent at once. */
export interface ImmediateReaction<Event extends DomainEvent> extends ReactionDeclaration {
  readonly schedules?: false
  react(event: Recorded<Event>, send: Send): Promise<void>
}

/** A reaction that may send a command later: its service gets a schedule, and the timer that looks at it. */
export interface SchedulingReaction<Event extends DomainEvent> extends ReactionDeclaration {
  readonly schedules: true
  react(event: Recorded<Event>, send: Send, sendLater: SendLater): Promise<void>
}

/** A reaction, whatever it reacts to. */
// biome-ignore lint/suspicious/noExplicitAny: a list of reactions of different types has no narrower common type.
export type AnyReaction = Reaction<any>

/** A reaction's name beyond its service: the first part of its commands' keys. */
export function consumerOf(service: string, reaction: AnyReaction): string {
  return `${service}-${reaction.name}`
}
