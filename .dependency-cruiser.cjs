// Who may import whom is made of one table: imports.cjs. `npm run imports` checks it.

const { rules } = require('./imports.cjs')

// A folder's own files put its subfolders together, so no subfolder imports them. In these folders it is the reverse: the subfolders share them.
const SHARED = '^(src|packages/kit)'

// A cycle between folders goes up, or across. The tool's own rule for folders, the last one, takes the files of a subfolder for its parent's, so
// it sees no cycle between the two.
const folders = [
  ...['', '/[^/]+', '/[^/]+/[^/]+'].map((between) => ({
    name: 'no import of the files of a folder above',
    severity: 'error',
    // packages/cli is one knot: its folders share files at its root, and what npm runs lies beside those and imports the folders.
    from: { path: `^(.+)/[^/]+${between}/[^/]+$`, pathNot: '^packages/cli/' },
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
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...folders,
    ...rules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What a benchmark imports is installed by it alone; what is compiled is of no folder of the table.
    exclude: { path: '^bench/peers/emmett/|^packages/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
