/** What a comparison found: one line each. */
export interface Report {
  /** What whoever relies on the contract could not live with. */
  readonly refused: readonly string[]
  /** Versions that were declared breaking: allowed, and held by whoever does not know them. */
  readonly breaking: readonly string[]
  /** What is allowed, and worth knowing. */
  readonly told: readonly string[]
  readonly counted: { readonly versions: number; readonly samples: number; readonly operations: number }
}

export const nothingFound: Report = {
  refused: [],
  breaking: [],
  told: [],
  counted: { versions: 0, samples: 0, operations: 0 },
}

export function joined(reports: readonly Report[]): Report {
  return reports.reduce(
    (sum, { refused, breaking, told, counted }) => ({
      refused: [...sum.refused, ...refused],
      breaking: [...sum.breaking, ...breaking],
      told: [...sum.told, ...told],
      counted: {
        versions: sum.counted.versions + counted.versions,
        samples: sum.counted.samples + counted.samples,
        operations: sum.counted.operations + counted.operations,
      },
    }),
    nothingFound,
  )
}
