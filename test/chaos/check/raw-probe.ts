import { type RawItem, readLog } from '../../../packages/cli/demo/raw-fold.ts'

export interface ExpectedProbe {
  /** The documents of its views, by key. */
  readonly gates: Map<string, Record<string, unknown>>
  readonly crossings: Map<string, Record<string, unknown>>
  readonly passes: Map<string, Record<string, unknown>>
  readonly versions: Map<string, number>
  /** The number of order events that asked to pass. */
  readonly asked: number
  /** Events on which it acted not at all, twice, or against the outcome of its first command. */
  readonly faults: string[]
}

const ASKING = ['OrderPlaced', 'OrderConfirmed', 'OrderRejected', 'OrderCancelled', 'OrderCompleted']

/** Folds the probe's raw log together with that of the orders. It shares no code with the service. */
export function foldRawProbe(ordering: readonly RawItem[], probe: readonly RawItem[]): ExpectedProbe {
  const { events, versions, faults } = readLog(probe)
  const asked = readLog(ordering)
    .events.filter(({ stream, type }) => stream.startsWith('order-') && ASKING.includes(type))
    .map(({ stream, version }) => `${stream}@${version}`)
  const times = new Map<string, number>()
  const count = (what: string): void => void times.set(what, (times.get(what) ?? 0) + 1)
  const gates = new Map<string, Record<string, unknown>>()
  const crossings = new Map<string, Record<string, unknown>>()
  const passes = new Map<string, Record<string, unknown>>()
  for (const { stream, type, data } of events) {
    if (stream.startsWith('gate-')) {
      const gate = (gates.get('1') as RawItem) ?? { open: false, passed: [] }
      if (type === 'GateToggled') gate.open = data.open
      else gate.passed.push(data.by)
      gates.set('1', gate)
      if (type === 'GatePassed') crossings.set('1', { count: gate.passed.length })
      if (type === 'GatePassed') count(`${data.by} passed the gate`)
      continue
    }
    const what = type === 'Settled' ? 'settled' : data.passed ? 'passed' : 'refused'
    count(`${data.by} was recorded as ${what}`)
    passes.set(what, { what, count: Number(passes.get(what)?.count ?? 0) + 1 })
  }
  for (const by of asked) {
    const has = (what: string): number => times.get(`${by} ${what}`) ?? 0
    const [passed, noted] = [has('passed the gate'), has('was recorded as passed')]
    const [refused, settled] = [has('was recorded as refused'), has('was recorded as settled')]
    if (passed + refused !== 1 || passed !== noted || passed !== settled)
      faults.push(
        `${by} passed ${passed} times, and was recorded ${noted} times as passed, ` +
          `${refused} as refused, ${settled} as settled`,
      )
  }
  return { gates, crossings, passes, versions, asked: asked.length, faults }
}
