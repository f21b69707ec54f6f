/** The findings of a comparison, one line each. */
export interface Report {
  /** Changes that break a user of the contract. */
  readonly refused: readonly string[]
  /** Versions declared breaking. They are allowed, and a reader that does not know them waits at them. */
  readonly breaking: readonly string[]
  /** Allowed changes that are worth knowing. */
  readonly notices: readonly string[]
  readonly counted: { readonly versions: number; readonly samples: number; readonly operations: number }
}

export const nothingFound: Report = {
  refused: [],
  breaking: [],
  notices: [],
  counted: { versions: 0, samples: 0, operations: 0 },
}

export function joinReports(reports: readonly Report[]): Report {
  return reports.reduce(
    (sum, { refused, breaking, notices, counted }) => ({
      refused: [...sum.refused, ...refused],
      breaking: [...sum.breaking, ...breaking],
      notices: [...sum.notices, ...notices],
      counted: {
        versions: sum.counted.versions + counted.versions,
        samples: sum.counted.samples + counted.samples,
        operations: sum.counted.operations + counted.operations,
      },
    }),
    nothingFound,
  )
}
