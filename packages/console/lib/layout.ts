import type { About, Status } from '../api/contract.ts'

export interface ServiceSeen {
  readonly name: string
  readonly about?: About
  readonly status?: Status
}

/** A box of the map. */
interface Box {
  readonly id: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

interface ConsumerBox extends Box {
  readonly service: string
  readonly consumer: About['consumers'][number]
}

interface ViewBox extends Box {
  readonly service: string
  readonly name: string
}

interface Edge {
  readonly id: string
  readonly from: Box
  readonly to: Box
  /** The hub whose events flow along it. */
  readonly hub: string
}

export interface Layout {
  readonly width: number
  readonly height: number
  readonly services: readonly (Box & { readonly service: ServiceSeen })[]
  readonly hubs: readonly (Box & { readonly hub: string; readonly service: string })[]
  readonly consumers: readonly ConsumerBox[]
  readonly views: readonly ViewBox[]
  readonly edges: readonly Edge[]
}

const COLUMNS = { services: 0, hubs: 250, consumers: 480, views: 780 }
const WIDTHS = { services: 180, hubs: 150, consumers: 230, views: 190 }
const CONSUMER = 44
const VIEW = 30
const GAP = 10
const GROUP_GAP = 22
export const HEAD = 30

/**
 * Four columns: logs, hubs, the consumers of each service, and their views. The boxes of one service are side
 * by side.
 */
export function buildLayout(seen: readonly ServiceSeen[]): Layout {
  const services: (Box & { service: ServiceSeen })[] = []
  const hubs: (Box & { hub: string; service: string })[] = []
  const consumers: ConsumerBox[] = []
  const views: ViewBox[] = []
  const edges: Edge[] = []
  let y = HEAD
  for (const service of seen) {
    const top = y
    for (const consumer of service.about?.consumers ?? []) {
      const own = consumer.kind === 'views' ? (service.about?.views ?? []) : []
      const height = Math.max(CONSUMER, own.length * (VIEW + 6) - 6)
      const box = { id: consumer.name, x: COLUMNS.consumers, y, width: WIDTHS.consumers, height }
      consumers.push({ ...box, service: service.name, consumer })
      own.forEach((view, index) => {
        const each = {
          id: `${service.name}/${view.name}`,
          x: COLUMNS.views,
          y: y + index * (VIEW + 6),
          width: WIDTHS.views,
          height: VIEW,
          service: service.name,
          name: view.name,
        }
        views.push(each)
        edges.push({ id: `${box.id}>${each.id}`, from: box, to: each, hub: consumer.hub })
      })
      y += height + GAP
    }
    const height = Math.max(y - GAP - top, 64)
    y = top + height + GROUP_GAP
    const middle = top + height / 2
    const box = { id: service.name, x: COLUMNS.services, y: middle - 32, width: WIDTHS.services, height: 64 }
    services.push({ ...box, service })
    // A service without deciders has no log, and so no hub.
    if (!service.about || service.about.categories.length === 0) continue
    const { hub } = service.about
    const hubBox = { id: `hub ${hub}`, x: COLUMNS.hubs, y: middle - 26, width: WIDTHS.hubs, height: 52 }
    hubs.push({ ...hubBox, hub, service: service.name })
    edges.push({ id: `${service.name}>${hub}`, from: box, to: hubBox, hub })
  }
  for (const to of consumers) {
    const from = hubs.find(({ hub }) => hub === to.consumer.hub)
    if (from) edges.push({ id: `${from.hub}>${to.id}`, from, to, hub: from.hub })
  }
  return { width: COLUMNS.views + WIDTHS.views, height: y - GROUP_GAP + 8, services, hubs, consumers, views, edges }
}

/** A curve from the right side of a box to the left side of another. */
export function curve({ from, to }: Edge): string {
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2]
  const [x2, y2] = [to.x, to.y + to.height / 2]
  const bend = (x2 - x1) / 2
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`
}
