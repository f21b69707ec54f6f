/** What a link's address names. */
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
 * Reads the address of a link: `$cbs`, `$management` (a request names its hub, the hub before it says nothing),
 * `hub[/Partitions/N]` to send to, `hub/ConsumerGroups/G/Partitions/N` to receive from. Undefined for anything else.
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
