// Forbids import cycles between folders. Tests are left out where they lie below the code they import.

const { options } = require('./.dependency-cruiser.cjs')

// A folder's own files compose its subfolders, so no subfolder may import them. The folders listed here are
// the exception: their subfolders share their files.
const SHARED = '^(src|packages/kit)'

// A cycle between folders goes up or across. The last rule, the tool's own for folders, counts the files of a
// subfolder as its parent's, so it misses cycles between the two. The rules before it catch those.
const folders = [
  ...['', '/[^/]+', '/[^/]+/[^/]+'].map((between) => ({
    name: 'no import of the files of a folder above',
    severity: 'error',
    from: { path: `^(.+)/[^/]+${between}/[^/]+$` },
    to: { path: '^$1/[^/]+$', pathNot: `${SHARED}/[^/]+$` },
  })),
  {
    name: 'no import of a subfolder by the files it shares',
    severity: 'error',
    from: { path: `${SHARED}/[^/]+$` },
    to: { path: '^$1/.+/' },
  },
  {
    name: 'no cycles between folders',
    severity: 'error',
    scope: 'folder',
    from: {},
    // Two services may import each other's contract.ts: one asks, the other answers.
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
