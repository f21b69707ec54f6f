/** A result of the doctor. */
export interface Finding {
  /** The area it belongs to: `settings`, `ports`, … */
  readonly area: string
  readonly what: string
  /** `unseen`: it could not be checked, and `detail` says why. */
  readonly result: 'ok' | 'warning' | 'wrong' | 'unseen'
  readonly detail: string
  /** What to do about it. */
  readonly todo?: string
}

/** Checks one area. If it cannot, that is a finding, not an error. */
export type Check = () => Promise<readonly Finding[]>

export function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line
}
