// Who may import whom: one table, one tool (`npm run imports`). What a row does not name is refused. test/ and bench/ may import
// everything.

const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`
const node = '^(node:)?[a-z0-9_/]+$'
const crypto = '^(node:)?crypto$'

const table = {
  '^src/core/': ['^src/core/', '^(node:)?(crypto|util)$', npm('canonicalize', '@standard-schema/spec', 'uuid', 'zod')],
  // $1 is the service's own folder: of another service only the contract.
  '^src/services/([^/]+)/': ['^src/core/', '^src/services/$1/', '^src/services/[^/]+/contract\\.ts$', npm('zod')],
  '^src/services/[^/]+/contract\\.ts$': ['^src/core/', npm('zod')],
  '^src/flow/': ['^src/flow/', '^src/core/', npm('lru-cache')],
  '^src/adapters/cosmos/': [
    '^src/core/',
    '^src/adapters/cosmos/',
    '^src/verify/log\\.ts$',
    crypto,
    npm('@azure/cosmos'),
  ],
  '^src/adapters/eventhubs/': ['^src/core/', '^src/adapters/eventhubs/', npm('@azure/event-hubs')],
  '^src/adapters/functions/': ['^src/core/', '^src/adapters/functions/', npm('@azure/functions', 'zod')],
  '^src/adapters/identity/': ['^src/adapters/identity/', npm('@azure/identity')],
  '^src/adapters/opentelemetry/': [
    '^src/(core|adapters/opentelemetry)/',
    '^(node:)?timers/promises$',
    npm('@opentelemetry'),
  ],
  '^src/adapters/memory/': ['^src/core/', '^src/adapters/memory/'],
  // What the tests of services are written with: no row names it, so that nothing which is deployed imports it.
  '^src/testing/': ['^src/(testing|core|flow|adapters/memory)/', '^(node:)?(assert|util)$'],
  '^src/topology\\.ts$': ['^src/core/', '^src/services/'],
  '^src/settings/': ['^src/settings/', '^src/(core|adapters)/', npm('zod')],
  '^src/compose\\.ts$': ['^src/(core|flow|adapters)/', '^src/settings/read\\.ts$', crypto],
  '^src/config\\.ts$': ['^src/core/service\\.ts$'],
  '^tidemark\\.config\\.ts$': ['^src/config\\.ts$', '^src/services/[^/]+/service\\.ts$'],
  '^src/serve\\.ts$': ['^src/core/', '^src/compose\\.ts$', '^src/adapters/functions/'],
  '^functions/': ['^src/serve\\.ts$', '^src/adapters/functions/', '^src/services/', npm('@azure/functions')],
  '^local/kit/': ['^local/kit/', node],
  '^local/eventhubs/': ['^local/(kit|eventhubs)/', node, npm('rhea')],
  '^local/cosmos/': [
    '^local/(kit|cosmos)/',
    node,
    npm('lru-cache', 'peggy', 'murmurhash3js-revisited', '@types/murmurhash3js-revisited'),
  ],
  '^local/host/': [
    '^local/(kit|host)/',
    node,
    npm('@azure/(cosmos|event-hubs|eventhubs-checkpointstore-blob|storage-blob|functions)', 'croner'),
  ],
  '^local/[^/]+\\.ts$': ['^local/', node, npm('@azure/(cosmos|storage-blob)', 'azurite')],
  // It knows the services by what they answer alone.
  '^console/': ['^console/', npm('preact', 'vite')],
  // They check what the services wrote: sharing code with these, they would share its mistakes.
  '^src/verify/': ['^src/verify/', node, npm('@azure/cosmos')],
  '^cli/demo/raw-': ['^src/verify/', '^cli/demo/', node, npm('@azure/cosmos')],
  '^cli/': [
    '^cli/',
    '^src/(compose|config|topology)\\.ts$',
    '^src/(core|services|verify)/',
    // Told in docs/deploy.md, and checked by the doctor.
    '^src/settings/(list|read)\\.ts$',
    // What the contract is generated from: the routes, as a host would load them.
    '^src/adapters/functions/(register|openapi)\\.ts$',
    '^local/((running-)?cloud\\.ts$|front(\\.ts$|/(site|door)\\.ts$)|kit/|host/app\\.ts$)',
    node,
    npm(
      '@azure/(cosmos|event-hubs|identity|storage-blob)',
      '@bomb\\.sh/tab',
      '@standard-schema/spec',
      'ajv',
      'cli-progress',
      '@types/cli-progress',
      'commander',
      'esbuild',
      'fast-check',
      'get-east-asian-width',
      'microdiff',
      'openapi-typescript',
      'vite',
    ),
  ],
}

module.exports = {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...Object.entries(table).map(([from, allowed]) => ({
      name: `only what ${from} may import`,
      severity: 'error',
      from: { path: from },
      to: { pathNot: allowed },
    })),
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
