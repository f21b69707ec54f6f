import { type CheckedCommit, type CheckedEvent, checkCommit, isCommitId } from './commit-item.ts'
import { GENESIS, type RawItem } from './event-hash.ts'
import { type CheckedReceipt, checkReceipt, isReceiptId } from './receipt-item.ts'

/** A fault in a log or a view, and its place. */
export interface Fault {
  /** `order-1@3`; for an item that is not an event, the stream and the item's id. */
  readonly place: string
  readonly wrong: 'changed' | 'missing' | 'inserted' | 'does not follow'
  readonly detail: string
}

/**
 * Checks one stream, whose items may come in any order. It checks each event against its hash, each link to
 * the event before, each commit against its events, and all items against each other. It stores two hashes
 * for each event, not the events.
 *
 * A log alone does not show these changes:
 * - The newest commits were removed, and no receipt points beyond the rest.
 * - A whole stream was removed.
 * - The end of a stream was rewritten with correct hashes and links.
 * - Something was changed that no hash covers: fingerprints, receipts, and the keys of commands that no
 *   client sent.
 */
export class StreamCheck {
  readonly stream: string
  readonly #commits = new Map<string, CheckedCommit>()
  readonly #receipts = new Map<string, CheckedReceipt>()
  readonly #links = new Map<number, CheckedEvent>()
  readonly #faults: { readonly version: number; readonly fault: Fault }[] = []

  constructor(stream: string) {
    this.stream = stream
  }

  get commits(): number {
    return this.#commits.size
  }

  get receipts(): number {
    return this.#receipts.size
  }

  get events(): number {
    return [...this.#commits.values()].reduce((sum, { events }) => sum + events.length, 0)
  }

  add(item: RawItem): void {
    const id = String(item.id)
    const place = this.#item(id)
    if (this.#commits.has(id) || this.#receipts.has(id))
      this.#fault(Number(id) || LAST, 'inserted', 'a second item has its id', place)
    else if (isCommitId(id)) this.#commits.set(id, checkCommit(item))
    else if (isReceiptId(id)) this.#receipts.set(id, checkReceipt(item))
    else this.#fault(LAST, 'inserted', 'it is neither a commit nor a receipt', place)
  }

  /** Checks all added items. @returns every fault, by version. */
  finish(): Fault[] {
    const commits = [...this.#commits.values()].sort((a, b) => a.from - b.from)
    const receipts = [...this.#receipts.values()]
    const end = this.#judgeCommits(commits)
    this.#judgeLinks()
    this.#judgeReceipts(receipts, end)
    this.#judgeKeys([...commits, ...receipts])
    return this.#faults.toSorted((a, b) => a.version - b.version).map(({ fault }) => fault)
  }

  /**
   * Checks that commits follow each other without a gap.
   * @returns the last version. Undefined if the last commit does not show it.
   */
  #judgeCommits(commits: readonly CheckedCommit[]): number | undefined {
    let end: number | undefined = 0
    let last: CheckedCommit | undefined
    for (const commit of commits) {
      const { id, from, to } = commit
      // A commit with a wrong end is reported on its own, so that the next commit is still expected at its
      // own place.
      const within = end !== undefined && from <= end && last?.aligned === true ? last : undefined
      if (within === undefined) this.#judgeCommit(commit)
      else
        this.#fault(
          from,
          'inserted',
          `it begins within the commit ${within.id}, which ends with ${end}`,
          this.#item(id),
        )
      if (end !== undefined && from > end + 1) this.#missing(end + 1, from - 1, 'later events exist')
      for (const event of commit.events)
        if (!within || !this.#links.has(event.version)) this.#links.set(event.version, event)
      if (within && end !== undefined && to !== undefined && to <= end) continue
      end = to
      last = commit
    }
    return end
  }

  #judgeCommit({ id, from, events, wrong }: CheckedCommit): void {
    if (wrong.length > 0) this.#fault(from, 'changed', wrong.join('; '), this.#item(id))
    for (const [index, { version, state, unknown }] of events.entries()) {
      const names = unknown.map((name) => JSON.stringify(name)).join(' and ')
      if (names !== '') this.#fault(version, 'changed', `it has the unknown field ${names}`)
      if (state !== 'changed' || events[index - 1]?.state === 'changed') continue
      const next = events.findIndex((later, at) => at > index && later.state !== 'changed')
      const to = next < 0 ? events.length - 1 : next - 1
      if (to === index) this.#fault(version, 'changed', NOT_ITS_HASH)
      else this.#fault(version, 'changed', `all up to ${this.#place(from + to)}: they do not match their hashes`)
    }
  }

  /**
   * Finds two sound events that are not linked: one of them was changed and hashed again. Later events show
   * which: an event that its successor follows is the original.
   */
  #judgeLinks(): void {
    /** Whether the next version does not follow this one; 0 is the start of the stream. */
    const broken = (version: number): boolean => {
      const hash = version === 0 ? GENESIS : this.#sound(version)?.hash
      const next = this.#sound(version + 1)
      return hash !== undefined && next !== undefined && (next.state === 'open' || next.previousHash !== hash)
    }
    for (const version of [0, ...this.#links.keys()]) {
      if (!broken(version)) continue
      const [place, next] = [this.#place(version), this.#place(version + 1)]
      const [link, follower] = [this.#links.get(version), this.#links.get(version + 1)]
      if (version > 0 && broken(version - 1))
        this.#fault(version, 'changed', `it was changed and hashed again: neither its link nor that of ${next} holds`)
      else if (broken(version + 1)) continue
      else if (version === 0) this.#fault(1, 'changed', 'it was changed and hashed again: it claims a predecessor')
      else if (follower?.state === 'open')
        this.#fault(version + 1, 'changed', `${NOT_ITS_HASH}, or ${place} was changed and hashed again`)
      else if (this.#sound(version + 2)) {
        const which = link?.first ? 'it' : 'it, or one before it in its commit,'
        this.#fault(version, 'changed', `${which} was changed and hashed again: ${next} follows another event`)
      } else this.#fault(version + 1, 'does not follow', `${place} or this one was changed and hashed again`)
    }
  }

  /** Returns the event of a version, unless it is missing or does not match its hash. */
  #sound(version: number): CheckedEvent | undefined {
    const link = this.#links.get(version)
    return link?.state === 'changed' ? undefined : link
  }

  /**
   * A receipt is never ahead of its stream: the events it was decided on were in the log, or were appended
   * with it.
   */
  #judgeReceipts(receipts: readonly CheckedReceipt[], end: number | undefined): void {
    for (const { id, wrong } of receipts)
      if (wrong.length > 0) this.#fault(LAST, 'changed', wrong.join('; '), this.#item(id))
    const furthest = receipts.reduce((max, receipt) => (receipt.version > max.version ? receipt : max), NO_RECEIPT)
    if (end !== undefined && furthest.version > end)
      this.#missing(end + 1, furthest.version, `the receipt ${furthest.id} points beyond the stream`)
  }

  /** Checks that each command has one outcome. */
  #judgeKeys(items: readonly { readonly id: string; readonly key: unknown; readonly from?: number }[]): void {
    const owners = new Map<string, string>()
    for (const { id, key, from = LAST } of items) {
      if (typeof key !== 'string') continue
      const owner = owners.get(key)
      if (owner !== undefined)
        this.#fault(from, 'changed', `it has the key of ${owner}: no command has two outcomes`, this.#item(id))
      else owners.set(key, id)
    }
  }

  #missing(from: number, to: number, why: string): void {
    this.#fault(from, 'missing', `${from === to ? '' : `all up to ${this.#place(to)}: `}${why}`)
  }

  #place(version: number): string {
    return `${this.stream}@${version}`
  }

  #item(id: string): string {
    return `${this.stream} ${id}`
  }

  #fault(version: number, wrong: Fault['wrong'], detail: string, place = this.#place(version)): void {
    this.#faults.push({ version, fault: { place, wrong, detail } })
  }
}

/** Sorts after all versions. */
const LAST = Number.POSITIVE_INFINITY
const NO_RECEIPT: CheckedReceipt = { id: '', key: undefined, version: 0, wrong: [] }
const NOT_ITS_HASH = 'it does not match its hash'
