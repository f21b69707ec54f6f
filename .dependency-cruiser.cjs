// Who may import whom is made of one table: imports.cjs. `npm run imports` checks it, and
// `.dependency-cruiser.folders.cjs`.

const { rules } = require('./imports.cjs')

module.exports = {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
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
