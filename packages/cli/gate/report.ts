/** What a comparison found: one line each. */
export interface Report {
  /** What whoever relies on the contract could not live with. */
  readonly refused: readonly string[]
  /** Versions that were declared breaking: allowed, and held by whoever does not know them. */
  readonly breaking: readonly string[]
  /** What is allowed, and worth knowing. */
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
