import { type Answer, Problem } from './control-problem.ts'

/** What can be done at a path, by method. */
export type Methods = Readonly<Record<string, () => Answer | Promise<Answer>>>

export const ok = (body: unknown): Answer => ({ status: 200, body })

export const noPath = (): Problem => new Problem(404, 'there is nothing at this path')

/** @throws Problem 405 for a method that there is not. */
export async function answerBy(methods: Methods, method: string): Promise<Answer> {
  const handler = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (handler) return handler()
  const allowed = Object.keys(methods).join(', ')
  throw new Problem(405, `there is no ${method} here, only ${allowed}`, { allow: allowed })
}
