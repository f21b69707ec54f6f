import { type Answer, Problem } from './control-problem.ts'

/** The handlers of a path, by HTTP method. */
export type Methods = Readonly<Record<string, () => Answer | Promise<Answer>>>

export const ok = (body: unknown): Answer => ({ status: 200, body })

/** Says whether an emulator serves. Path and answer are those of Microsoft's Event Hubs emulator. */
export const formatHealth = (reasons: readonly string[]): Answer =>
  reasons.length === 0 ? ok({ status: 'healthy' }) : { status: 503, body: { status: 'unhealthy', reasons } }

export const noPath = (): Problem => new Problem(404, 'there is nothing at this path')

/** Calls the method's handler. @throws Problem 405 for a method without a handler. */
export async function answerBy(methods: Methods, method: string): Promise<Answer> {
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (handler) return handler()
  const allowed = Object.keys(methods).join(', ')
  throw new Problem(405, `there is no ${method} here, only ${allowed}`, { allow: allowed })
}
