import { random } from '../../../packages/cli/demo/random.ts'
import { GATE } from './probe.ts'

/** Something that happens outside at a given time. */
export interface Step {
  /** Milliseconds after the start. */
  readonly at: number
  readonly service: string
  readonly category: string
  readonly id: string
  readonly command: { readonly type: string; readonly data: Readonly<Record<string, unknown>> }
  /** Whether it is repeated, with a new key, while its subject does not exist yet. */
  readonly waits: boolean
  /** Whether the client sends it twice at once, with one key. */
  readonly twice: boolean
  /** Whether the key is sent again with another content, which must be refused. */
  readonly reused: boolean
  /** Whether the client reads what it wrote. */
  readonly reads: boolean
}

const SKUS = ['tea', 'mug'] as const
const CITIES = ['Bergen', 'Delft', 'Ghent', 'Hobart'] as const
/** Above the limit of a card, even with a quantity of one. */
const ABOVE_ANY_CARD = 1_000_001

/**
 * What customers, banks and the warehouse do in a history: orders that compete for too little stock, and
 * everything that may follow from one.
 */
export function buildScript(seed: number, lastsMs: number): readonly Step[] {
  const dice = random(seed)
  const steps: Step[] = []
  const add = (
    at: number,
    step: Pick<Step, 'service' | 'category' | 'id' | 'command'> & { readonly waits?: boolean },
  ): void => {
    const [twice, reused, reads] = [dice.chance(0.15), dice.chance(0.05), dice.chance(0.3)]
    steps.push({ waits: false, ...step, at: Math.min(at, lastsMs), twice, reused, reads })
  }
  const later = (after: number, within: number): number => after + dice.next() * within

  for (const sku of SKUS) {
    const times = dice.between(0, 2)
    for (let time = 0; time < times; time += 1) {
      const command = { type: 'receive', data: { quantity: dice.between(1, 6) } }
      add(later(0, time === 0 ? 0 : lastsMs * 0.7), { service: 'inventory', category: 'stock', id: sku, command })
    }
    if (dice.chance(0.15)) {
      const command = { type: 'adjust', data: { change: dice.between(-3, 2), reason: 'counted' } }
      add(later(0, lastsMs * 0.7), { service: 'inventory', category: 'stock', id: sku, command })
    }
  }

  for (let times = dice.between(1, 4); times > 0; times -= 1)
    add(later(0, lastsMs), { service: 'probe', category: 'gate', id: GATE, command: { type: 'toggle', data: {} } })

  const orders = dice.pick([1, 1, 2, 2, 3])
  for (let order = 1; order <= orders; order += 1) {
    const id = String(order)
    const orderStep = { service: 'ordering', category: 'order', id } as const
    const paymentStep = { service: 'payments', category: 'payment', id, waits: true } as const
    const shipmentStep = { service: 'shipping', category: 'shipment', id, waits: true } as const
    const method = dice.chance(0.7) ? 'card' : 'transfer'
    const isDear = dice.chance(0.08)
    const skus = dice.chance(0.5) ? [...SKUS] : [dice.pick(SKUS)]
    const begins = later(0, lastsMs * 0.4)
    add(begins, {
      ...orderStep,
      command: {
        type: 'place',
        data: {
          customerId: `customer-${dice.between(1, 3)}`,
          currency: dice.chance(0.8) ? 'EUR' : 'NOK',
          lines: skus.map((sku) => ({ sku, quantity: dice.between(1, 3), unitPrice: isDear ? ABOVE_ANY_CARD : 450 })),
          shippingAddress: buildAddress(dice.pick(CITIES), dice.between(1, 9)),
          payment: { method, withinSeconds: dice.between(5, 40) },
        },
      },
    })
    const next = (): number => later(begins, lastsMs * 0.6)
    if (dice.chance(0.35)) {
      const shippingAddress = buildAddress(dice.pick(CITIES), dice.between(1, 9))
      add(next(), { ...orderStep, command: { type: 'change-shipping-address', data: { shippingAddress } } })
    }
    if (dice.chance(0.3))
      add(next(), { ...orderStep, command: { type: 'cancel', data: { reason: 'changed my mind' } } })
    if (method === 'transfer' && dice.chance(0.8)) {
      const command = dice.chance(0.8)
        ? { type: 'authorise', data: dice.chance(0.5) ? { reference: `bank-${id}` } : {} }
        : { type: 'decline', data: { reason: 'no money' } }
      add(next(), { ...paymentStep, command })
    }
    if (dice.chance(0.1)) {
      add(next(), { ...shipmentStep, command: { type: 'cancel', data: { reason: 'lost' } } })
    } else if (dice.chance(0.75)) {
      add(next(), { ...shipmentStep, command: { type: 'dispatch', data: { carrier: 'post' } } })
      if (dice.chance(0.4)) add(next(), { ...shipmentStep, command: { type: 'deliver', data: {} } })
      if (dice.chance(0.25)) add(next(), { ...shipmentStep, command: { type: 'return', data: {} } })
    }
  }
  return steps.sort((a, b) => a.at - b.at)
}

function buildAddress(city: string, house: number): Readonly<Record<string, string>> {
  return { name: 'Ada', street: `Quay ${house}`, postalCode: '9000', city, country: 'BE' }
}
