/** The newest event of a log. */
export interface LastEvent {
  /** -1 when nothing was ever written. */
  readonly sequence: number
  /** -1 when nothing was ever written. */
  readonly offset: number
  /** Enqueued time in milliseconds since 1970; 0 when nothing was ever written. */
  readonly time: number
}

/**
 * What a partition holds. It is empty when `beginSequence` is greater than `lastSequence`; `last…` then tell
 * of the newest event that retention dropped, as `LastEvent` says when there was none.
 */
export interface LogInfo {
  /** Of the first kept event; of the next one while the partition is empty. */
  readonly beginSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly lastTime: number
  /** On disk, in all segments. */
  readonly bytes: number
}
