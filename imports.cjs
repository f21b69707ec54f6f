// Who may import what: the one table. `.dependency-cruiser.cjs` makes its rules of it, and CONTRIBUTING.md
// shows it (`npm run imports -- --write`).
//
// A folder ends with a slash. It may import itself. `<name>` is the same name wherever it stands in a row;
// `*` is any one name. `packages` and `node` (modules of Node, `*`: all of them) are regular expressions. The
// tests of a package have a row of their own: its other rows do not concern them.

// What a package exports: nobody else reaches into it.
const sourcesOf = (folder) =>
  Object.entries(require(`./packages/${folder}/package.json`).exports)
    .filter(([, file]) => file.endsWith('.ts'))
    .map(([subpath, file]) => [subpath, file.replace('./', `packages/${folder}/`)])
const FRAMEWORK = Object.fromEntries(sourcesOf('tidemark'))
const exported = (subpath) => FRAMEWORK[subpath]
const EXPORTED = Object.keys(FRAMEWORK)
  // What tests are written with is for tests alone.
  .filter((subpath) => subpath !== './testing')
  .map(exported)
const EMULATORS = ['event-hubs', 'cosmos', 'functions-host'].flatMap((folder) =>
  sourcesOf(folder).map(([, file]) => file),
)

const ADAPTERS = ['azure-functions', 'cosmos', 'event-hubs', 'identity', 'opentelemetry'].map(
  (each) => `packages/tidemark/${each}/`,
)

// What the framework shows to whoever tests, and what is the repository's own.
const TESTED_WITH = [
  ...Object.values(FRAMEWORK),
  ...EMULATORS,
  ...['packages/*/test/', 'packages/test-support/', 'packages/cli/', 'packages/kit/'],
  ...['packages/local-cloud/', 'packages/*.ts', 'src/', 'functions/', 'tidemark.config.ts', 'test/', 'bench/'],
  ...['infra/topology.json', 'local.settings.sample.json'],
  // What the services in Azure compute, and the emulators as they do.
  'packages/event-hubs/namespace/partition-key.ts',
  'packages/functions-host/(route|registrations|json-net/rewrite).ts',
]

const rows = [
  {
    path: 'functions/<name>.ts',
    is: 'one file a microservice: it serves what the service declares',
    imports: [exported('./azure-functions'), 'src/<name>/'],
    packages: ['@azure/functions'],
  },
  {
    path: 'tidemark.config.ts',
    is: 'the one list of services',
    imports: [exported('.'), 'src/*/service.ts'],
  },
  {
    path: 'packages/tidemark/core/',
    is: 'pure: event and its versions, envelope, hash chain, decider, view, reaction, process manager, errors, ports',
    packages: ['canonicalize', '@standard-schema/spec', 'uuid', 'zod'],
    node: ['crypto', 'util'],
  },
  {
    path: 'src/<name>/',
    is: 'one microservice: `contract.ts`, `events.ts`, its aggregates, views, reactions, process managers, and `service.ts`',
    imports: [exported('.'), 'src/*/contract.ts', 'src/money.ts'],
    packages: ['zod'],
  },
  {
    path: 'src/<name>/*.test.ts',
    is: 'the tests of one microservice, deleted with it',
    imports: [...['.', './testing'].map(exported), 'src/<name>/', 'src/*/contract.ts', 'test/support/'],
    packages: ['fast-check'],
    node: ['*'],
  },
  {
    path: 'src/*/contract.ts',
    is: 'what other services may rely on',
    imports: [exported('.'), 'src/money.ts'],
    packages: ['zod'],
  },
  { path: 'src/money.ts', is: 'an amount, as all services write it', packages: ['zod'] },
  {
    path: 'packages/tidemark/runtime/',
    is: 'the data path: `command` → `relay` → `project`, `react` → `query`; beside it `schedule`, `history`, `replay`',
    imports: ['packages/tidemark/core/'],
    packages: ['lru-cache'],
  },
  {
    path: 'packages/tidemark/cosmos/',
    is: 'the log, the views and all that is kept, in Cosmos DB',
    imports: ['packages/tidemark/core/', 'packages/tidemark/verify/log.ts'],
    packages: ['@azure/cosmos'],
    node: ['crypto'],
  },
  {
    path: 'packages/tidemark/event-hubs/',
    is: 'sending to a hub, and reading what its trigger did not bring',
    imports: ['packages/tidemark/core/'],
    packages: ['@azure/event-hubs'],
  },
  {
    path: 'packages/tidemark/azure-functions/',
    is: 'HTTP and triggers, from and to the data path',
    imports: ['packages/tidemark/core/'],
    packages: ['@azure/functions', 'zod'],
  },
  { path: 'packages/tidemark/identity/', is: 'the credential of an app', packages: ['@azure/identity'] },
  {
    path: 'packages/tidemark/opentelemetry/',
    is: 'traces and metrics',
    imports: ['packages/tidemark/core/'],
    packages: ['@opentelemetry'],
    node: ['timers/promises'],
  },
  {
    path: 'packages/tidemark/memory/',
    is: 'the same ports in memory, for tests: they pass the same contract suites',
    imports: ['packages/tidemark/core/'],
  },
  {
    // No row names it, so that nothing which is deployed imports it.
    path: 'packages/tidemark/testing/',
    is: 'given, when, then: what the tests of a service are written with ([docs/testing.md](docs/testing.md))',
    imports: ['packages/tidemark/core/', 'packages/tidemark/runtime/', 'packages/tidemark/memory/'],
    node: ['assert', 'util'],
  },
  {
    path: 'packages/tidemark/settings/',
    is: 'the one list of application settings, and how they are read and checked',
    imports: ['packages/tidemark/core/', ...ADAPTERS],
    packages: ['zod'],
  },
  {
    path: 'packages/tidemark/compose.ts',
    is: 'wires a service to its adapters; the only reader of the environment',
    imports: [
      'packages/tidemark/core/',
      'packages/tidemark/runtime/',
      ...ADAPTERS,
      'packages/tidemark/settings/read.ts',
    ],
    node: ['crypto'],
  },
  {
    path: 'packages/tidemark/serve.ts',
    is: 'registers all functions of a service, as its declaration says',
    imports: ['packages/tidemark/core/', 'packages/tidemark/compose.ts', 'packages/tidemark/azure-functions/'],
  },
  {
    path: 'packages/tidemark/index.ts',
    is: 'what services are written with: the package `tidemark` itself',
    imports: ['packages/tidemark/core/', 'packages/tidemark/config.ts'],
  },
  {
    path: 'packages/tidemark/azure-functions.ts',
    is: 'a service as a function app: `tidemark/azure-functions`',
    imports: [
      ...['packages/tidemark/serve.ts', 'packages/tidemark/compose.ts', 'packages/tidemark/settings/read.ts'],
      'packages/tidemark/azure-functions/',
    ],
  },
  {
    path: 'packages/tidemark/tools.ts',
    is: 'what tools read of a system: `tidemark/tools`',
    imports: ['packages/tidemark/core/', 'packages/tidemark/settings/list.ts', 'packages/tidemark/topology.ts'],
  },
  {
    path: 'packages/tidemark/config.ts',
    is: 'what `tidemark.config.ts` is written with',
    imports: ['packages/tidemark/core/service.ts'],
  },
  {
    path: 'packages/tidemark/topology.ts',
    is: 'what the services need to exist, from their declarations',
    imports: ['packages/tidemark/core/', 'packages/tidemark/event-hubs/limits.ts'],
  },
  {
    // It checks what the services wrote: sharing code with them, it would share their mistakes.
    path: 'packages/tidemark/verify/',
    is: 'checks logs and views by code of its own',
    packages: ['@azure/cosmos'],
    node: ['*'],
  },
  { path: 'packages/kit/', is: 'what the parts of the local cloud share', node: ['*'] },
  {
    path: 'packages/event-hubs/',
    is: 'the Event Hubs emulator, the package `tidemark-event-hubs`',
    imports: ['packages/kit/'],
    packages: ['rhea'],
    node: ['*'],
  },
  {
    path: 'packages/cosmos/',
    is: 'the Cosmos DB emulator, the package `tidemark-cosmos`',
    imports: ['packages/kit/'],
    packages: ['lru-cache', 'peggy', 'murmurhash3js-revisited', '@types/murmurhash3js-revisited'],
    node: ['*'],
  },
  {
    path: 'packages/functions-host/',
    is: 'the Functions host, the package `tidemark-functions-host`',
    imports: ['packages/kit/'],
    packages: ['@azure/(cosmos|event-hubs|eventhubs-checkpointstore-blob|storage-blob|functions)', 'croner'],
    node: ['*'],
  },
  {
    path: 'packages/local-cloud/',
    is: 'the parts together, and the front of the hosts with the console; never deployed',
    imports: ['packages/kit/', ...EMULATORS],
    packages: ['@azure/(cosmos|storage-blob)', 'azurite'],
    node: ['*'],
  },
  {
    // It knows the services by what they answer alone.
    path: 'packages/console/',
    is: 'the page that shows the running system, from what every service answers ([docs/console.md](docs/console.md))',
    packages: ['preact', 'vite'],
  },
  {
    path: 'packages/create-tidemark/',
    is: 'makes a project ([docs/new-project.md](docs/new-project.md))',
    imports: [
      ...['packages/cli/command-line/arguments.ts', 'packages/cli/new-service/', 'packages/cli/upgrade/template.ts'],
      'packages/kit/module-file.ts',
    ],
    node: ['*'],
  },
  {
    path: 'packages/*.ts',
    is: 'packs what is published, and reports what it exports',
    imports: ['packages/cli/command-line/arguments.ts', 'packages/cli/upgrade/template.ts', 'packages/declarations.ts'],
    packages: ['esbuild', '@microsoft/api-extractor', 'typescript'],
    node: ['*'],
  },
  {
    // As packages/tidemark/verify/.
    path: 'packages/cli/demo/raw-*',
    is: 'folds of the raw logs, which check the views',
    imports: ['packages/tidemark/verify/', 'packages/cli/demo/'],
    packages: ['@azure/cosmos'],
    node: ['*'],
  },
  {
    path: 'packages/cli/',
    is: "`tidemark` ([docs/cli.md](docs/cli.md)), and what npm's scripts run",
    imports: [...EXPORTED, ...EMULATORS, 'packages/local-cloud/', 'packages/kit/'],
    packages: [
      ...['@azure/(cosmos|event-hubs|identity|storage-blob)', '@bomb\\.sh/tab', '@standard-schema/spec', 'ajv'],
      ...['chokidar', 'cli-progress', '@types/cli-progress', 'commander', 'diff', 'esbuild', 'fast-check'],
      ...[
        '@hpcc-js/wasm-graphviz',
        '@textlint/kernel',
        'get-east-asian-width',
        'microdiff',
        'openapi-typescript',
        'typescript',
        'vite',
      ],
    ],
    node: ['*'],
  },
  {
    path: 'packages/*/test/',
    is: 'the tests of a package, which know no service of the root',
    imports: ['packages/'],
    packages: ['.*'],
    node: ['*'],
  },
  {
    path: 'packages/test-support/',
    is: 'what the tests of several packages, and of the root, share',
    imports: ['packages/'],
    packages: ['.*'],
    node: ['*'],
  },
  {
    path: 'test/',
    is: 'the tests of the shop as a whole',
    imports: TESTED_WITH,
    packages: ['.*'],
    node: ['*'],
  },
  {
    path: 'bench/',
    is: 'what is measured',
    imports: TESTED_WITH,
    packages: ['.*'],
    node: ['*'],
  },
]

const NODE = '[a-z0-9_/]+'
const TESTS = ['packages/*/test/', 'src/<name>/*.test.ts']

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
    from: {
      path: pattern(path, '([^/]+)'),
      pathNot: (TESTS.includes(path) ? [] : TESTS).map((each) => pattern(each, '[^/]+')),
    },
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
