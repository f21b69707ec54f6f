// Who may import what: the one table. `.dependency-cruiser.cjs` makes its rules of it, and CONTRIBUTING.md shows it (`npm run imports -- --write`).
//
// A folder ends with a slash. It may import itself. `<name>` is the same name wherever it stands in a row; `*` is any one name. `packages` and
// `node` (modules of Node, `*`: all of them) are regular expressions. test/ and bench/ may import everything.

const rows = [
  {
    path: 'functions/<name>.ts',
    is: 'one file a microservice: it serves what the service declares',
    imports: ['src/serve.ts', 'src/services/<name>/', 'src/compose.ts', 'src/adapters/functions/'],
    packages: ['@azure/functions'],
  },
  {
    path: 'tidemark.config.ts',
    is: 'the one list of services',
    imports: ['src/config.ts', 'src/services/*/service.ts'],
  },
  {
    path: 'src/core/',
    is: 'pure: event and its versions, envelope, hash chain, decider, view, reaction, process manager, errors, ports',
    packages: ['canonicalize', '@standard-schema/spec', 'uuid', 'zod'],
    node: ['crypto', 'util'],
  },
  {
    path: 'src/services/<name>/',
    is: 'one microservice: `contract.ts`, `events.ts`, its aggregates, views, reactions, process managers, and `service.ts`',
    imports: ['src/core/', 'src/services/*/contract.ts'],
    packages: ['zod'],
  },
  {
    path: 'src/services/*/contract.ts',
    is: 'what other services may rely on',
    imports: ['src/core/'],
    packages: ['zod'],
  },
  {
    path: 'src/flow/',
    is: 'the data path: `command` → `relay` → `project`, `react` → `query`; beside it `schedule`, `history`, `replay`',
    imports: ['src/core/'],
    packages: ['lru-cache'],
  },
  {
    path: 'src/adapters/cosmos/',
    is: 'the log, the views and all that is kept, in Cosmos DB',
    imports: ['src/core/', 'src/verify/log.ts'],
    packages: ['@azure/cosmos'],
    node: ['crypto'],
  },
  {
    path: 'src/adapters/eventhubs/',
    is: 'sending to a hub, and reading what its trigger did not bring',
    imports: ['src/core/'],
    packages: ['@azure/event-hubs'],
  },
  {
    path: 'src/adapters/functions/',
    is: 'HTTP and triggers, from and to the data path',
    imports: ['src/core/'],
    packages: ['@azure/functions', 'zod'],
  },
  { path: 'src/adapters/identity/', is: 'the credential of an app', packages: ['@azure/identity'] },
  {
    path: 'src/adapters/opentelemetry/',
    is: 'traces and metrics',
    imports: ['src/core/'],
    packages: ['@opentelemetry'],
    node: ['timers/promises'],
  },
  {
    path: 'src/adapters/memory/',
    is: 'the same ports in memory, for tests: they pass the same contract suites',
    imports: ['src/core/'],
  },
  {
    // No row names it, so that nothing which is deployed imports it.
    path: 'src/testing/',
    is: 'given, when, then: what the tests of a service are written with ([docs/testing.md](docs/testing.md))',
    imports: ['src/core/', 'src/flow/', 'src/adapters/memory/'],
    node: ['assert', 'util'],
  },
  {
    path: 'src/settings/',
    is: 'the one list of application settings, and how they are read and checked',
    imports: ['src/core/', 'src/adapters/'],
    packages: ['zod'],
  },
  {
    path: 'src/compose.ts',
    is: 'wires a service to its adapters; the only reader of the environment',
    imports: ['src/core/', 'src/flow/', 'src/adapters/', 'src/settings/read.ts'],
    node: ['crypto'],
  },
  {
    path: 'src/serve.ts',
    is: 'registers all functions of a service, as its declaration says',
    imports: ['src/core/', 'src/compose.ts', 'src/adapters/functions/'],
  },
  { path: 'src/config.ts', is: 'what `tidemark.config.ts` is written with', imports: ['src/core/service.ts'] },
  {
    path: 'src/topology.ts',
    is: 'what the services need to exist, from their declarations',
    imports: ['src/core/', 'src/services/'],
  },
  {
    // It checks what the services wrote: sharing code with them, it would share their mistakes.
    path: 'src/verify/',
    is: 'checks logs and views by code of its own',
    packages: ['@azure/cosmos'],
    node: ['*'],
  },
  { path: 'local/kit/', is: 'what the parts of the local cloud share', node: ['*'] },
  {
    path: 'local/eventhubs/',
    is: 'the Event Hubs endpoint',
    imports: ['local/kit/'],
    packages: ['rhea'],
    node: ['*'],
  },
  {
    path: 'local/cosmos/',
    is: 'the Cosmos DB endpoint',
    imports: ['local/kit/'],
    packages: ['lru-cache', 'peggy', 'murmurhash3js-revisited', '@types/murmurhash3js-revisited'],
    node: ['*'],
  },
  {
    path: 'local/host/',
    is: 'the Functions host',
    imports: ['local/kit/'],
    packages: ['@azure/(cosmos|event-hubs|eventhubs-checkpointstore-blob|storage-blob|functions)', 'croner'],
    node: ['*'],
  },
  {
    path: 'local/*.ts',
    is: 'the parts together, and the front of the hosts with the console; never deployed',
    imports: ['local/'],
    packages: ['@azure/(cosmos|storage-blob)', 'azurite'],
    node: ['*'],
  },
  {
    // It knows the services by what they answer alone.
    path: 'console/',
    is: 'the page that shows the running system, from what every service answers ([docs/console.md](docs/console.md))',
    packages: ['preact', 'vite'],
  },
  {
    // As src/verify.
    path: 'cli/demo/raw-*',
    is: 'folds of the raw logs, which check the views',
    imports: ['src/verify/', 'cli/demo/'],
    packages: ['@azure/cosmos'],
    node: ['*'],
  },
  {
    path: 'cli/',
    is: "`tidemark` ([docs/cli.md](docs/cli.md)), and what npm's scripts run",
    imports: [
      ...['src/compose.ts', 'src/config.ts', 'src/topology.ts', 'src/core/', 'src/services/', 'src/verify/'],
      // Told in docs/deploy.md, and checked by the doctor.
      ...['src/settings/list.ts', 'src/settings/read.ts'],
      // What the contract is generated from: the routes, as a host would load them.
      ...['src/adapters/functions/register.ts', 'src/adapters/functions/openapi.ts'],
      ...['local/cloud.ts', 'local/running-cloud.ts', 'local/front.ts', 'local/front/site.ts', 'local/front/door.ts'],
      ...['local/kit/', 'local/host/app.ts'],
    ],
    packages: [
      ...['@azure/(cosmos|event-hubs|identity|storage-blob)', '@bomb\\.sh/tab', '@standard-schema/spec', 'ajv'],
      ...['cli-progress', '@types/cli-progress', 'commander', 'esbuild', 'fast-check', 'get-east-asian-width'],
      ...['microdiff', 'openapi-typescript', 'vite'],
    ],
    node: ['*'],
  },
]

const NODE = '[a-z0-9_/]+'

/** What a path of the table matches. @param name what stands for `<name>`. */
function pattern(path, name) {
  const text = path.replace(/[.]/g, '\\.').replaceAll('*', '[^/]+').replaceAll('<name>', name)
  return path.endsWith('/') ? `^${text}` : `^${text}$`
}

/** The rules of dependency-cruiser. */
const rules = rows.map(({ path, imports = [], packages = [], node = [] }) => {
  const self = path.endsWith('/') ? [pattern(path, '$1')] : []
  return {
    name: `only what ${path} may import`,
    severity: 'error',
    from: { path: pattern(path, '([^/]+)') },
    to: {
      pathNot: [
        ...self,
        ...imports.map((each) => pattern(each, '$1')),
        ...(packages.length > 0 ? [`(^|/)node_modules/(${packages.join('|')})/`] : []),
        ...(node.length > 0 ? [`^(node:)?(${node.map((each) => (each === '*' ? NODE : each)).join('|')})$`] : []),
      ],
    },
  }
})

module.exports = { rows, rules }
