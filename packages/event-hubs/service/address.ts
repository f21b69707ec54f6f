/** The node that a link's address names. */
export type Address =
  | { readonly node: 'cbs' }
  | { readonly node: 'management' }
  | { readonly node: 'ingress'; readonly hub: string; readonly partition: string | undefined }
  | EgressAddress

export interface EgressAddress {
  readonly node: 'egress'
  readonly hub: string
  readonly group: string
  readonly partition: string
}

const INGRESS = /^([^/]+)(?:\/Partitions\/([^/]+))?$/i
const EGRESS = /^([^/]+)\/ConsumerGroups\/([^/]+)\/Partitions\/([^/]+)$/i
const MANAGEMENT = /^([^/]+\/)?\$management$/i

/**
 * Parses a link's address; undefined if it has none of these forms:
 * - `$cbs`
 * - `[hub/]$management`; each request names its hub, so the hub in the address is ignored
 * - `hub[/Partitions/N]` to send
 * - `hub/ConsumerGroups/G/Partitions/N` to receive
 * @param sends whether the peer sends on the link.
 */
export function parseAddress(address: string, sends: boolean): Address | undefined {
  const path = address.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/^\/+|\/+$/g, '')
  if (path === '$cbs') return { node: 'cbs' }
  if (MANAGEMENT.test(path)) return { node: 'management' }
  if (sends) {
    const [, hub, partition] = INGRESS.exec(path) ?? []
    return hub ? { node: 'ingress', hub, partition } : undefined
  }
  const [, hub, group, partition] = EGRESS.exec(path) ?? []
  return hub && group && partition ? { node: 'egress', hub, group, partition } : undefined
}
