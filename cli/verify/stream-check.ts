import { hash } from 'node:crypto'
import { GENESIS, hashOfItem, type RawItem } from './event-hash.ts'

/** Something that is not as it was written, and where. */
export interface Fault {
  /** `order-1@3`; for what is no event, the stream and the item's id. */
  readonly place: string
  readonly wrong: 'changed' | 'missing' | 'inserted' | 'does not follow' | 'unmarked'
  readonly detail: string
}

/** What is kept of an event. */
interface Link {
  readonly previousHash: unknown
  readonly hash: unknown
  /** What is wrong with the event by itself; its links are then not judged. */
  fault?: Pick<Fault, 'wrong' | 'detail'>
}

interface Mark {
  readonly id: string
  readonly from: number
  readonly to: number
}

const MARK_PREFIX = '~cmd:'

/**
 * Checks one stream, its items in any order: each event against its own hash, each link to the event before, and all
 * against the marks of commands, which between them name every version that was ever written, once. It keeps two hashes
 * an event, not the events.
 *
 * What a log alone cannot tell: that its newest event was changed and hashed again, that the newest commands were
 * removed together with their marks, or that a whole stream was.
 */
export class StreamCheck {
  readonly stream: string
  readonly #links = new Map<number, Link>()
  readonly #marks: Mark[] = []
  readonly #faults: { readonly version: number; readonly fault: Fault }[] = []
  events = 0
  marks = 0

  constructor(stream: string) {
    this.stream = stream
  }

  add(item: RawItem): void {
    const id = String(item.id)
    if (id.startsWith(MARK_PREFIX)) this.#addMark(id, item)
    else if (/^\d{16}$/.test(id) && Number(id) > 0) this.#addEvent(Number(id), item)
    else this.#fault(Number.POSITIVE_INFINITY, 'inserted', 'it is neither an event nor a mark', `${this.stream} ${id}`)
  }

  /** Judges what was added. @returns every fault, by version. */
  finish(): Fault[] {
    const versions = [...this.#links.keys()].sort((a, b) => a - b)
    const end = this.#judgeMarks(versions)
    this.#judgeMissing(versions, end)
    this.#judgeLinks(versions)
    for (const [version, { fault }] of this.#links) if (fault) this.#fault(version, fault.wrong, fault.detail)
    return this.#faults.toSorted((a, b) => a.version - b.version).map(({ fault }) => fault)
  }

  // An item's id cannot be changed, only its other fields: the id says which event it was.
  #addEvent(version: number, item: RawItem): void {
    this.events += 1
    if (this.#links.has(version)) {
      this.#fault(version, 'inserted', 'a second item has its id')
      return
    }
    const link: Link = { previousHash: item.previousHash, hash: item.hash }
    if (item.version !== version)
      link.fault = {
        wrong: 'changed',
        detail: `its id is of version ${version}, it says ${JSON.stringify(item.version)}`,
      }
    else if (hashOfItem(item) !== item.hash) link.fault = { wrong: 'changed', detail: 'it is not what its hash says' }
    this.#links.set(version, link)
  }

  #addMark(id: string, { key, from, to }: RawItem): void {
    this.marks += 1
    const place = `${this.stream} ${id}`
    const readable =
      Number.isSafeInteger(from) && Number.isSafeInteger(to) && 1 <= Number(from) && Number(from) <= Number(to)
    if (readable) this.#marks.push({ id, from: Number(from), to: Number(to) })
    if (!readable || id !== `${MARK_PREFIX}${hash('sha256', String(key))}`)
      this.#fault(Number(from) || 0, 'changed', 'the mark contradicts itself', place)
  }

  /** What no mark names was not written by a command. @returns the last version that a mark names. */
  #judgeMarks(versions: readonly number[]): number {
    const unnamed: number[] = []
    let next = 0
    let end = 0
    const pass = (before: number): void => {
      for (let version = versions[next]; version !== undefined && version < before; version = versions[next]) {
        next += 1
        if (version > end) unnamed.push(version)
      }
    }
    for (const { id, from, to } of this.#marks.toSorted((a, b) => a.from - b.from)) {
      pass(from)
      if (from <= end) this.#fault(from, 'changed', 'it names versions that another mark names', `${this.stream} ${id}`)
      end = Math.max(end, to)
    }
    pass(Number.POSITIVE_INFINITY)
    // Backward: what only inserted events follow is inserted too.
    for (const version of unnamed.reverse()) this.#judgeUnnamed(version)
    return end
  }

  #judgeUnnamed(version: number): void {
    const link = this.#links.get(version)
    if (link === undefined) return
    if (link.fault === undefined && this.#sound(version + 1)?.previousHash === link.hash)
      this.#fault(version, 'unmarked', 'the event is right, but the mark of its command was removed or changed')
    else link.fault = { wrong: 'inserted', detail: "no command wrote it, or its command's mark was removed" }
  }

  #judgeMissing(versions: readonly number[], end: number): void {
    const present = versions.filter((version) => version <= end)
    const last = present.at(-1) ?? 0
    let before = 0
    for (const version of [...present, end + 1]) {
      const [from, to] = [before + 1, version - 1]
      before = version
      if (from > to) continue
      const until = from === to ? '' : `all up to ${this.#place(to)}: `
      const why = from > last ? 'a mark of a command points beyond the stream' : 'later events are there'
      this.#fault(from, 'missing', `${until}${why}`)
    }
  }

  /**
   * Two events that are sound each, but not linked: one was changed and hashed again. The later ones bear witness: an
   * event that the next one follows is the one that was written.
   */
  #judgeLinks(versions: readonly number[]): void {
    /** Whether the next version does not follow this one; 0 is the beginning. */
    const broken = (version: number): boolean => {
      const link = version === 0 ? { hash: GENESIS } : this.#sound(version)
      const next = this.#sound(version + 1)
      return link !== undefined && next !== undefined && next.previousHash !== link.hash
    }
    for (const version of [0, ...versions]) {
      if (!broken(version)) continue
      const [place, next] = [this.#place(version), this.#place(version + 1)]
      if (version > 0 && broken(version - 1))
        this.#fault(version, 'changed', `it was changed and hashed again: neither its link nor that of ${next} holds`)
      else if (broken(version + 1)) continue
      else if (version === 0) this.#fault(1, 'changed', 'it was changed and hashed again: it claims one before it')
      else if (this.#sound(version + 2))
        this.#fault(version, 'changed', `it was changed and hashed again: ${next} follows another event`)
      else this.#fault(version + 1, 'does not follow', `${place} or this one was changed and hashed again`)
    }
  }

  /** The event of a version, if it is there and right by itself. */
  #sound(version: number): Link | undefined {
    const link = this.#links.get(version)
    return link?.fault === undefined ? link : undefined
  }

  #place(version: number): string {
    return `${this.stream}@${version}`
  }

  #fault(version: number, wrong: Fault['wrong'], detail: string, place = this.#place(version)): void {
    this.#faults.push({ version, fault: { place, wrong, detail } })
  }
}
