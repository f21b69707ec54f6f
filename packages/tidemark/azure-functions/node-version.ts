/**
 * packages/tidemark/serve.ts imports this first, and every file of functions/ that. They use what an older
 * Node does not have, and would start there and fail later, at the first message. So this itself uses nothing
 * new.
 */
const OLDEST = 22

/** @returns what is wrong with a version of Node, in one line; undefined where nothing is. */
export function tooOld(version: string): string | undefined {
  if (Number(version.split('.')[0]) >= OLDEST) return undefined
  return `Node ${version} is too old: the functions need Node ${OLDEST} or newer`
}

const problem = tooOld(process.versions.node)
// With a code: it says all in its message, and nobody needs its stack.
if (problem !== undefined) throw Object.assign(new Error(problem), { code: 'node-too-old' })
