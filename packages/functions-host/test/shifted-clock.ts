/**
 * Shifts the time of day by TIDEMARK_TEST_CLOCK_SHIFT_S seconds, for the functions and the host. It is loaded
 * before the functions (`--import`). Timers and `performance.now()` are not changed.
 */
const shift = Number(process.env.TIDEMARK_TEST_CLOCK_SHIFT_S) * 1000
if (!Number.isFinite(shift) || shift === 0) throw new Error('set TIDEMARK_TEST_CLOCK_SHIFT_S to a number of seconds')

const { now } = Date
const shifted = (): number => now() + shift

globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [shifted()] : args, newTarget),
  apply: () => new Date().toString(),
  get: (target, name, receiver) => (name === 'now' ? shifted : Reflect.get(target, name, receiver)),
})
