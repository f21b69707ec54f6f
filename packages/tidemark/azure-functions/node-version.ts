/**
 * packages/tidemark/serve.ts imports this file first, and every file in functions/ imports serve.ts first. On
 * an older Node, their code would start and fail later, at the first message. So this file uses no new
 * features.
 */
const OLDEST = 22

/** @returns why a version of Node is unsuitable, in one line; undefined if it is suitable. */
export function tooOld(version: string): string | undefined {
  if (Number(version.split('.')[0]) >= OLDEST) return undefined
  return `Node ${version} is too old: the functions need Node ${OLDEST} or newer`
}

const problem = tooOld(process.versions.node)
// The code makes callers print the message alone, without a stack.
if (problem !== undefined) throw Object.assign(new Error(problem), { code: 'node-too-old' })
