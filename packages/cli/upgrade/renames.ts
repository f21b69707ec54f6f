/** A rename of a public name. */
export interface Rename {
  /** The first version with the new name. */
  readonly version: string
  /** The module that a project imports: `tidemark`, `tidemark/testing`. */
  readonly module: string
  readonly name: string
  readonly to: string
}

/**
 * All renames, oldest first. `packages/tidemark/CHANGELOG.md` has a line for each under its version:
 * "Renamed: `oldName` is `newName`, of `tidemark/testing`."
 */
export const renames: readonly Rename[] = []

export function renamesBetween(all: readonly Rename[], from: string, to: string): readonly Rename[] {
  return all.filter(({ version }) => compareVersions(version, from) > 0 && compareVersions(version, to) <= 0)
}

/** Compares two versions for `sort`. A pre-release, such as 1.0.0-rc.1, is older than its release. */
export function compareVersions(a: string, b: string): number {
  const [one = '', before] = a.split(/-(.*)/s)
  const [other = '', beforeOther] = b.split(/-(.*)/s)
  const inOrder = (left: string, right: string): number => left.localeCompare(right, 'en', { numeric: true })
  if (one !== other || before === beforeOther) return inOrder(one, other)
  if (before === undefined || beforeOther === undefined) return before === undefined ? 1 : -1
  return inOrder(before, beforeOther)
}
