import type { AmqpConnection } from '../amqp/connection.ts'
import type { Namespace } from '../namespace/namespace.ts'
import type { Backlog } from './backlog.ts'

/** What a client's links share. */
export interface Client {
  readonly connection: AmqpConnection
  readonly namespace: Namespace
  /** The client's events that wait for the disk. */
  readonly backlog: Backlog
}
