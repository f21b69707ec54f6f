// The import rules come from one table: imports.cjs. `npm run imports` checks them, and those of
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
    // The Emmett benchmark installs its own packages; compiled files belong to no folder of the table.
    exclude: { path: '^bench/peers/emmett/|^packages/[^/]+/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
