/**
 * Loaded before the functions (`--import`): the machine's time of day is off by TIDEMARK_TEST_CLOCK_SHIFT_S
 * seconds, for the functions and the host alike. Timers, and what `performance.now()` tells, go on as ever.
 */
const shift = Number(process.env.TIDEMARK_TEST_CLOCK_SHIFT_S) * 1000
if (!Number.isFinite(shift) || shift === 0) throw new Error('TIDEMARK_TEST_CLOCK_SHIFT_S says by how many seconds')

const { now } = Date
const shifted = (): number => now() + shift

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [shifted()] : args, newTarget),
  apply: () => new Date().toString(),
  get: (target, name, receiver) => (name === 'now' ? shifted : Reflect.get(target, name, receiver)),
})
