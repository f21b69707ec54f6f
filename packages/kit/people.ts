import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Accounts of people by their number. https://man7.org/linux/man-pages/man5/login.defs.5.html */
const FIRST_PERSON = { linux: 1000, darwin: 501 }
/** Of a service: nobody signs in with it. */
const NO_LOGIN = /\/(nologin|false|sync|shutdown|halt)$/
const ROOT = 0
const ASK_MS = 5000

/**
 * Whether several people may have an account on this machine. In doubt they may: where the accounts cannot be
 * read, where they come from a directory that is not listed here, and on Windows, which would have to be
 * asked in a language of its own.
 */
export function isShared(): boolean {
  const { platform } = process
  const own = process.getuid?.()
  try {
    if (platform === 'linux') return isSharedBy(linuxPeople(readFileSync('/etc/passwd', 'utf8'), loginDefs()), own)
    if (platform === 'darwin') return isSharedBy(macPeople(), own)
  } catch {
    // In doubt.
  }
  return true
}

/**
 * @param people the numbers of the accounts. @param own that of this process. Root is no person of its own;
 * anybody else who is not listed comes from a directory, and others may too.
 */
export function isSharedBy(people: readonly number[], own: number | undefined): boolean {
  return people.length > 1 || (own !== ROOT && (own === undefined || !people.includes(own)))
}

/** The people of `/etc/passwd`. https://man7.org/linux/man-pages/man5/passwd.5.html */
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
    // Not every distribution has the file: the bounds are the usual ones.
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
