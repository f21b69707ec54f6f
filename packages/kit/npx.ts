import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 300
const SHELL = /^(sh|ash|bash|dash|zsh|busybox)$/

/**
 * npx that is killed tells nobody, but the process, or the shell between the two, has another parent then.
 * Looks for npx alone: what a shell starts in the background outlives the shell.
 */
export function whenNpxEnds(ended: () => void): void {
  if (process.env.npm_command !== 'exec') return
  const before = parents()
  setInterval(() => {
    if (parents() !== before) ended()
  }, LOOK_EVERY_MS).unref()
}

/**
 * The parent, and the parent of that where it is a shell: npm runs commands in one. Only Linux tells of
 * others: proc(5).
 */
function parents(): string {
  const parent = process.ppid
  let stat: string
  try {
    stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
  } catch {
    return String(parent)
  }
  // The name in parentheses may hold anything: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const end = stat.lastIndexOf(')')
  const [, grandparent = ''] = stat.slice(end + 2).split(' ')
  return SHELL.test(stat.slice(stat.indexOf('(') + 1, end)) ? `${parent} ${grandparent}` : String(parent)
}
