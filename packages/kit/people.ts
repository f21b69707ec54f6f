import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Lowest user ids of people's accounts. https://man7.org/linux/man-pages/man5/login.defs.5.html */
const FIRST_PERSON = { linux: 1000, darwin: 501 }
/** Shells of service accounts, with which nobody signs in. */
const NO_LOGIN = /\/(nologin|false|sync|shutdown|halt)$/
const ROOT = 0
const ASK_MS = 5000

/**
 * Whether several people may have an account on this machine. In doubt the answer is yes. That is the case if
 * the accounts cannot be read or come from a directory that is not listed here, and on Windows.
 */
export function isShared(): boolean {
  const { platform } = process
  const own = process.getuid?.()
  try {
    if (platform === 'linux') return isSharedBy(linuxPeople(readFileSync('/etc/passwd', 'utf8'), loginDefs()), own)
    if (platform === 'darwin') return isSharedBy(macPeople(), own)
  } catch {
    // In doubt: shared.
  }
  return true
}

/**
 * Decides whether a machine is shared. Root does not count as a person. Any other unlisted user comes from a
 * directory, and then others may, too.
 * @param people the accounts' user ids. @param own the user id of this process.
 */
export function isSharedBy(people: readonly number[], own: number | undefined): boolean {
  return people.length > 1 || (own !== ROOT && (own === undefined || !people.includes(own)))
}

/** Reads the people's user ids from `/etc/passwd`. https://man7.org/linux/man-pages/man5/passwd.5.html */
export function linuxPeople(passwd: string, defs: string): readonly number[] {
  const bound = (name: string, otherwise: number): number =>
    Number(new RegExp(`^\\s*${name}\\s+(\\d+)`, 'm').exec(defs)?.[1] ?? otherwise)
  const [first, last] = [bound('UID_MIN', FIRST_PERSON.linux), bound('UID_MAX', 60_000)]
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid = '', , , , shell = ''] = line.split(':')
    const number = Number(uid)
    return name && uid !== '' && number >= first && number <= last && !NO_LOGIN.test(shell) ? [number] : []
  })
}

function loginDefs(): string {
  try {
    return readFileSync('/etc/login.defs', 'utf8')
  } catch {
    // Not every distribution has the file. Use the usual bounds.
    return ''
  }
}

function macPeople(): readonly number[] {
  const list = execFileSync('dscl', ['.', '-list', '/Users', 'UniqueID'], { encoding: 'utf8', timeout: ASK_MS })
  return list.split('\n').flatMap((line) => {
    const [name = '', uid = ''] = line.trim().split(/\s+/)
    return name !== '' && !name.startsWith('_') && Number(uid) >= FIRST_PERSON.darwin ? [Number(uid)] : []
  })
}
