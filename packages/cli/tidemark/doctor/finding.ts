/** What the doctor says of one thing. */
export interface Finding {
  /** Whose health it is: `settings`, `ports`, … */
  readonly area: string
  readonly what: string
  /** `unseen`: it could not be looked at, and `detail` says why. */
  readonly result: 'ok' | 'warning' | 'wrong' | 'unseen'
  readonly detail: string
  /** What to do about it. */
  readonly todo?: string
}

/** Looks at one area. It throws nothing that a user can meet: what it cannot look at is a finding. */
export type Check = () => Promise<readonly Finding[]>

export function firstLine(error: unknown): string {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  return line
}
