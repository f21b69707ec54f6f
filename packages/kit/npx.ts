import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 300
const SHELL = /^(sh|ash|bash|dash|zsh|busybox)$/

/**
 * Calls `ended` when npx has been killed. A killed npx sends no signal, but this process, or the shell in
 * between, then gets another parent. Only under npx, because a process in the background must outlive its
 * shell.
 */
export function whenNpxEnds(ended: () => void): void {
  if (process.env.npm_command !== 'exec') return
  const before = parents()
  setInterval(() => {
    if (parents() !== before) ended()
  }, LOOK_EVERY_MS).unref()
}

/**
 * Returns the parent, and its parent if it is a shell, because npm runs commands in a shell. Only Linux shows
 * a grandparent: proc(5).
 */
function parents(): string {
  const parent = process.ppid
  let stat: string
  try {
    stat = readFileSync(`/proc/${parent}/stat`, 'utf8')
  } catch {
    return String(parent)
  }
  // The name in parentheses can have any characters:
  // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
  const end = stat.lastIndexOf(')')
  const [, grandparent = ''] = stat.slice(end + 2).split(' ')
  return SHELL.test(stat.slice(stat.indexOf('(') + 1, end)) ? `${parent} ${grandparent}` : String(parent)
}
