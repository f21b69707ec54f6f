// The rules are made of one table: imports.cjs. `npm run imports` checks them.

const { rules } = require('./imports.cjs')

module.exports = {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...rules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // What it imports is installed by its benchmark alone.
    exclude: { path: '^bench/peers/emmett/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
