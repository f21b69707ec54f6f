// Which folder may import what. `.dependency-cruiser.cjs` builds its rules from this table. CONTRIBUTING.md
// shows it, and each folder's README.md shows the folder's row (`npm run imports -- --write`).
//
// A folder's path ends with a slash. A folder may import itself. `<name>` stands for the same name throughout
// a row; `*` stands for any name. `packages` and `node` (modules of Node; `*` means all) are regular
// expressions. The tests of a package have their own row; the package's other rows do not apply to them.

// The files a package exports: other packages may import only these.
const sourcesOf = (folder) =>
  Object.entries(require(`./packages/${folder}/package.json`).exports)
    .filter(([, file]) => file.endsWith('.ts'))
    .map(([subpath, file]) => [subpath, file.replace('./', `packages/${folder}/`)])
const SUBPATHS = Object.fromEntries(sourcesOf('tidemark'))
const exported = (subpath) => SUBPATHS[subpath]
const FRAMEWORK = Object.values(SUBPATHS)

// Paths that a row imports together, with the words that documents have for them.
const EXPORTED = {
  named: 'what `packages/tidemark/` exports besides `testing`',
  // Only tests may import the test tools.
  paths: FRAMEWORK.filter((file) => file !== exported('./testing')),
}
const EMULATORS = {
  named: 'what the emulators export',
  paths: ['event-hubs', 'cosmos', 'functions-host'].flatMap((folder) => sourcesOf(folder).map(([, file]) => file)),
}

const ADAPTERS = ['azure-functions', 'blobs', 'cosmos', 'event-hubs', 'identity', 'key-wrap', 'opentelemetry'].map(
  (each) => `packages/tidemark/${each}/`,
)

// What tests and benchmarks may import. They use packages as users do.
const TESTED_WITH = [
  {
    named: "the repository's code, but only the exports of the framework and the emulators",
    paths: [
      ...[...FRAMEWORK, ...EMULATORS.paths, 'packages/*/test/', 'packages/test-support/', 'packages/cli/'],
      ...['packages/kit/', 'packages/local-cloud/', 'packages/*.ts', 'src/', 'functions/', 'tidemark.config.ts'],
      ...['test/', 'bench/', 'infra/topology.json', 'local.settings.sample.json'],
    ],
  },
  {
    named: 'what the emulators compute as Azure does',
    paths: [
      'packages/event-hubs/namespace/partition-key.ts',
      'packages/functions-host/(route|registrations|json-net/rewrite).ts',
    ],
  },
]

const rows = [
  {
    path: 'functions/<name>.ts',
    is: 'one file per microservice: serves what the service declares',
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
    node: ['crypto', 'util', 'zlib'],
  },
  {
    path: 'src/<name>/',
    is: 'one microservice: `contract.ts`, `events.ts`, aggregates, views, reactions, process managers, `service.ts`',
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
  { path: 'src/money.ts', is: 'an amount of money, in the form all services use', packages: ['zod'] },
  {
    path: 'packages/tidemark/runtime/',
    is: 'the data path: `command` → `relay` → `project`, `react` → `query`; also `schedule`, `history`, `rebuild`',
    imports: ['packages/tidemark/core/'],
    packages: ['lru-cache'],
  },
  {
    path: 'packages/tidemark/cosmos/',
    is: 'the log, the views and all other stored data, in Cosmos DB',
    imports: ['packages/tidemark/core/', 'packages/tidemark/verify/log.ts'],
    packages: ['@azure/cosmos', 'zod'],
    node: ['crypto'],
  },
  {
    path: 'packages/tidemark/blobs/',
    is: 'the archive of a log, as blobs',
    imports: ['packages/tidemark/core/'],
    packages: ['@azure/storage-blob'],
  },
  {
    path: 'packages/tidemark/key-wrap/',
    is: 'wraps the keys of personal data with a key in a vault, or in a file on a laptop',
    imports: ['packages/tidemark/core/'],
    packages: ['@azure/keyvault-keys', 'lru-cache'],
    node: ['crypto', 'fs/promises'],
  },
  {
    path: 'packages/tidemark/event-hubs/',
    is: 'sends to a hub, and reads events that its trigger did not deliver',
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
    // No row of deployed code names it, so deployed code cannot import it.
    path: 'packages/tidemark/testing/',
    is: 'given, when, then: the test tools of a service ([docs/testing.md](docs/testing.md))',
    imports: ['packages/tidemark/core/', 'packages/tidemark/runtime/', 'packages/tidemark/memory/'],
    node: ['assert', 'util'],
  },
  {
    path: 'packages/tidemark/settings/',
    is: 'the one list of application settings, and how they are read and checked',
    imports: ['packages/tidemark/core/', ...ADAPTERS.filter((each) => !/\/(blobs|key-wrap)\/$/.test(each))],
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
    is: 'the API that services are written with: the package `tidemark` itself',
    imports: ['packages/tidemark/core/', 'packages/tidemark/config.ts'],
  },
  {
    path: 'packages/tidemark/archive.ts',
    is: 'reads the archive of a service, and its hub: `tidemark/archive`',
    imports: [
      ...['packages/tidemark/core/', 'packages/tidemark/runtime/', 'packages/tidemark/blobs/'],
      'packages/tidemark/event-hubs/',
    ],
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
    is: 'what tools read about a system: `tidemark/tools`',
    imports: [
      ...['packages/tidemark/core/', 'packages/tidemark/settings/', 'packages/tidemark/topology.ts'],
      ...['packages/tidemark/runtime/time.ts', 'packages/tidemark/runtime/view-fold.ts'],
      'packages/tidemark/what-if.ts',
    ],
  },
  {
    path: 'packages/tidemark/what-if.ts',
    is: 'tries a command on a real history, and writes nothing',
    imports: ['packages/tidemark/core/', 'packages/tidemark/runtime/', 'packages/tidemark/memory/limits.ts'],
  },
  {
    path: 'packages/tidemark/config.ts',
    is: '`defineConfig`, for `tidemark.config.ts`',
    imports: ['packages/tidemark/core/service.ts'],
  },
  {
    path: 'packages/tidemark/topology.ts',
    is: 'the resources the services need, from their declarations',
    imports: ['packages/tidemark/core/', 'packages/tidemark/event-hubs/limits.ts'],
  },
  {
    // It checks what the services wrote. If it shared their code, it would share their mistakes.
    path: 'packages/tidemark/verify/',
    is: 'checks logs and views, with code of its own',
    packages: ['@azure/(cosmos|storage-blob)'],
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
    is: 'runs the emulators together, with one address for the hosts and the console; never deployed',
    imports: ['packages/kit/', EMULATORS],
    packages: ['@azure/(cosmos|storage-blob)', 'azurite'],
    node: ['*'],
  },
  {
    // It knows the services only through their answers.
    path: 'packages/console/',
    is: 'the page that shows the running system ([docs/console.md](docs/console.md))',
    packages: ['preact', 'vite'],
  },
  {
    path: 'packages/create-tidemark/',
    is: 'creates a project ([docs/new-project.md](docs/new-project.md))',
    imports: [
      ...['packages/cli/command-line/arguments.ts', 'packages/cli/new-service/', 'packages/cli/upgrade/template.ts'],
      'packages/kit/module-file.ts',
    ],
    node: ['*'],
  },
  {
    path: 'packages/*.ts',
    is: 'packs the published packages, reports what they export, and runs the tests',
    imports: [
      ...['packages/cli/command-line/arguments.ts', 'packages/cli/upgrade/template.ts', 'packages/declarations.ts'],
      'packages/test-support/longest-tests.ts',
    ],
    packages: ['esbuild', '@microsoft/api-extractor', 'typescript'],
    node: ['*'],
  },
  {
    // It shares no code with the services, for the same reason as packages/tidemark/verify/.
    path: 'packages/cli/demo/raw-*',
    is: 'folds the raw logs to check the views',
    imports: ['packages/tidemark/verify/', 'packages/cli/demo/'],
    packages: ['@azure/cosmos'],
    node: ['*'],
  },
  {
    path: 'packages/cli/',
    is: "the command `tidemark` ([docs/cli.md](docs/cli.md)), and what npm's scripts run",
    imports: [EXPORTED, EMULATORS, 'packages/local-cloud/', 'packages/kit/'],
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
        'vscode-jsonrpc',
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
    is: 'the benchmarks',
    imports: TESTED_WITH,
    packages: ['.*'],
    node: ['*'],
  },
]

const NODE = '[a-z0-9_/]+'
const TESTS = ['packages/*/test/', 'src/<name>/*.test.ts']

/** A regular expression for a path of the table. @param name replaces `<name>`. */
function pattern(path, name) {
  const text = path.replace(/[.]/g, '\\.').replaceAll('*', '[^/]+').replaceAll('<name>', name)
  return path.endsWith('/') ? `^${text}` : `^${text}$`
}

const toPaths = (imports = []) => imports.flatMap((each) => each.paths ?? each)

/** Expands the alternatives of a regular expression: `@azure/(cosmos|identity)` stands for two packages. */
function expand(expression) {
  const [, before, alternatives = expression, after] = /^(.*)\((.*)\)(.*)$/.exec(expression) ?? []
  return alternatives.split('|').map((each) => `${before ?? ''}${each}${after ?? ''}`.replaceAll('\\', ''))
}

/** What documents say a row may import, in Markdown. */
function describeImports({ imports = [], packages = [], node = [] }) {
  return [
    ...imports.flatMap((each) => each.named ?? expand(each).map((path) => `\`${path}\``)),
    ...packages.flatMap((each) => (each === '.*' ? 'any package' : expand(each).map((name) => `\`${name}\``))),
    ...node.map((each) => (each === '*' ? 'Node' : `\`node:${each}\``)),
  ]
}

/** The rules of dependency-cruiser. */
const rules = rows.map(({ path, imports, packages = [], node = [] }) => {
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
        ...toPaths(imports).map((each) => pattern(each, '$1')),
        ...(packages.length > 0 ? [`(^|/)node_modules/(${packages.join('|')})/`] : []),
        ...(node.length > 0 ? [`^(node:)?(${node.map((each) => (each === '*' ? NODE : each)).join('|')})$`] : []),
      ],
    },
  }
})

module.exports = {
  rows: rows.map((row) => ({ ...row, imports: toPaths(row.imports), mayImport: describeImports(row) })),
  rules,
}
