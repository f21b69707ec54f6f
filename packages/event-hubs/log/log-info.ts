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
 * What a partition holds. The partition is empty if `beginSequence` is greater than `lastSequence`. The
 * `last…` fields then describe the newest event that retention dropped, or have the values of `LastEvent` for
 * none.
 */
export interface LogInfo {
  /** Sequence number of the first stored event; of the next event while the partition is empty. */
  readonly beginSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly lastTime: number
  /** Size of all segments on disk. */
  readonly bytes: number
}
