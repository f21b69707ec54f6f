// No folder takes part in a cycle of folders. Tests beside what they test are left out: they lie below it,
// and import it.

const { options } = require('./.dependency-cruiser.cjs')

// A folder's own files put its subfolders together, so no subfolder imports them. In these folders it is the
// reverse: the subfolders share them.
const SHARED = '^(src|packages/kit)'

// A cycle between folders goes up, or across. The tool's own rule for folders, the last one, takes the files
// of a subfolder for its parent's, so it sees no cycle between the two.
const folders = [
  ...['', '/[^/]+', '/[^/]+/[^/]+'].map((between) => ({
    name: 'no import of the files of a folder above',
    severity: 'error',
    from: { path: `^(.+)/[^/]+${between}/[^/]+$` },
    to: { path: '^$1/[^/]+$', pathNot: `${SHARED}/[^/]+$` },
  })),
  {
    name: 'no import of a folder below, by files that it shares',
    severity: 'error',
    from: { path: `${SHARED}/[^/]+$` },
    to: { path: '^$1/.+/' },
  },
  {
    name: 'no cycles between folders',
    severity: 'error',
    scope: 'folder',
    from: {},
    // Two services import each other's contract.ts: one asks, the other answers.
    to: { circular: true, pathNot: '^src/[^/]+$' },
  },
]

module.exports = {
  forbidden: folders,
  options: {
    ...options,
    exclude: { path: `${options.exclude.path}|^packages/([^/]+/test|test-support)/|^src/.*[.]test[.]ts$` },
  },
}
