import type { Message } from 'rhea'
import rhea from 'rhea'
import type { Hub } from '../namespace/hub.ts'
import { type Reply, toErrorReply } from './request-node.ts'

const { types } = rhea

/** `array32` of `str8`: rhea's typings do not list type codes. */
const STR8 = 0xa1

/**
 * Answers READ on `$management`. https://learn.microsoft.com/azure/event-hubs/event-hubs-amqp-protocol
 * @param findHub returns the hub of a name, given the request's own token. Throws a Refusal if the hub is
 * unknown or not for this client.
 */
export function readManagement(findHub: (name: string, token: unknown) => Hub, request: Message): Reply {
  try {
    const { operation, type, name, partition, security_token } = request.application_properties ?? {}
    if (operation !== 'READ') return { status: 400, description: `The operation '${operation}' is unknown.` }
    const hub = findHub(String(name), security_token)
    if (type === 'com.microsoft:eventhub') return ok(describeHub(hub))
    if (type === 'com.microsoft:partition') return ok(describePartition(hub, String(partition)))
    return { status: 400, description: `The entity type '${type}' is unknown.` }
  } catch (error) {
    return toErrorReply(error)
  }
}

const ok = (body: unknown): Reply => ({ status: 200, description: 'OK', body })

function describeHub(hub: Hub): unknown {
  return types.wrap_map({
    name: hub.name,
    created_at: types.wrap_timestamp(hub.createdAt.getTime()),
    partition_count: types.wrap_int(hub.partitions.length),
    partition_ids: types.wrap_array(
      hub.partitions.map((_, id) => String(id)),
      STR8,
      undefined,
    ),
    georeplication_factor: types.wrap_int(1),
  })
}

function describePartition(hub: Hub, partition: string): unknown {
  const info = hub.partition(partition).info
  return types.wrap_map({
    name: hub.name,
    partition,
    begin_sequence_number: types.wrap_long(info.beginSequence),
    last_enqueued_sequence_number: types.wrap_long(info.lastSequence),
    last_enqueued_offset: String(info.lastOffset),
    last_enqueued_time_utc: types.wrap_timestamp(info.lastTime),
    is_partition_empty: info.beginSequence > info.lastSequence,
  })
}
