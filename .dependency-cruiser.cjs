// Who may import whom. One table, one tool: `npm run imports`. The rules say what is allowed from a folder; everything
// else is refused. test/ and bench/ may import everything.

/** A folder may import only what its patterns allow (npm packages and node: built-ins included). */
const only = (from, allowed, comment, except = '^$') => ({
  name: `only: ${from}`,
  comment,
  severity: 'error',
  from: { path: from, pathNot: except },
  to: { pathNot: allowed },
})

const npm = (...names) => names.map((name) => `(^|/)node_modules/${name}/`)

module.exports = {
  forbidden: [
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@azure/functions-core$' },
    },
    only(
      '^src/core/',
      ['^src/core/', '^(node:)?crypto$', '^(node:)?util$', ...npm('canonicalize', '@standard-schema/spec')],
      'core is pure',
    ),
    only(
      '^src/services/',
      ['^src/core/', '^src/services/[^/]+/contract\\.ts$', '^src/services/ordering/', ...npm('zod')],
      'a service knows core, itself and the contracts of others',
      '^src/services/(?!ordering/)',
    ),
    only('^src/services/[^/]+/contract\\.ts$', ['^src/core/', ...npm('zod')], 'a contract knows core alone'),
    only('^src/flow/', ['^src/flow/', '^src/core/', ...npm('lru-cache', 'uuid')], 'the flow knows core alone'),
    only(
      '^src/adapters/cosmos/',
      ['^src/core/', '^src/adapters/cosmos/', ...npm('@azure/cosmos')],
      'an adapter knows core and its SDK',
    ),
    only(
      '^src/adapters/eventhubs/',
      ['^src/core/', '^src/adapters/eventhubs/', ...npm('@azure/event-hubs')],
      'an adapter knows core and its SDK',
    ),
    only('^src/adapters/memory/', ['^src/core/', '^src/adapters/memory/'], 'an adapter knows core'),
    only(
      '^src/adapters/functions/',
      ['^src/core/', '^src/adapters/functions/', ...npm('@azure/functions')],
      'an adapter knows core and its SDK',
    ),
    only('^src/topology\\.ts$', ['^src/core/', '^src/services/'], 'the topology is derived from declarations'),
    only(
      '^src/compose\\.ts$',
      ['^src/core/', '^src/flow/', '^src/adapters/', ...npm('@azure/identity')],
      'compose wires; it imports no service',
    ),
    only(
      '^functions/',
      ['^src/compose\\.ts$', '^src/adapters/functions/', '^src/services/', ...npm('@azure/functions')],
      'a trigger binds and calls',
    ),
    only('^local/kit/', ['^local/kit/', '^(node:)?[a-z_/]+$'], 'what the local parts share'),
    only(
      '^local/eventhubs/',
      ['^local/(kit|eventhubs)/', '^(node:)?[a-z_/]+$', ...npm('rhea')],
      'the endpoint knows the kit',
    ),
    only('^local/cosmos/', ['^local/(kit|cosmos)/', '^(node:)?[a-z_/]+$'], 'the endpoint knows the kit'),
    only(
      '^local/host/',
      [
        '^local/(kit|host)/',
        '^(node:)?[a-z_/]+$',
        ...npm('@azure/(cosmos|event-hubs|eventhubs-checkpointstore-blob|storage-blob|functions)'),
      ],
      'the host knows the kit',
    ),
    only(
      '^local/[^/]+\\.ts$',
      ['^local/', '^(node:)?[a-z_/]+$', ...npm('@azure/(cosmos|storage-blob)')],
      'nothing of src below local',
    ),
    only(
      '^cli/',
      [
        '^cli/',
        '^src/(compose|topology)\\.ts$',
        '^src/services/',
        '^local/cloud\\.ts$',
        '^local/kit/',
        '^(node:)?[a-z_/]+$',
        ...npm('@azure/(cosmos|functions)', 'cli-progress'),
      ],
      'operations',
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
