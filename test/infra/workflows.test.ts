import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { BICEP_VERSION } from '../../packages/cli/infra/bicep.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const folder = join(root, '.github/workflows')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}
interface Job {
  readonly if?: string
  readonly needs?: string
  readonly uses?: string
  readonly environment?: string
  readonly env?: Readonly<Record<string, string>>
  readonly permissions: Readonly<Record<string, string>>
  readonly concurrency?: { readonly 'cancel-in-progress': unknown }
  readonly steps?: readonly Step[]
}
interface Workflow {
  readonly on: Readonly<Record<string, { readonly branches?: readonly string[] } | null>>
  readonly permissions: object
  readonly env?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, Job>>
}

const files = readdirSync(folder)
const workflows = new Map(
  files.map((file) => [file, parse(read(`.github/workflows/${file}`), { strict: true, uniqueKeys: true }) as Workflow]),
)
const workflow = (file: string): Workflow => workflows.get(file) ?? assert.fail(`there is no ${file}`)
const valid = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }).compile(
  JSON.parse(read('test/infra/fixtures/workflow.schema.json')),
)
const scripts = Object.keys(JSON.parse(read('package.json')).scripts)

const jobs = [...workflows].flatMap(([file, { jobs }]) =>
  Object.entries(jobs).map(([name, job]) => [file, name, job] as const),
)
const listUses = ({ steps = [] }: Job): readonly string[] => steps.flatMap(({ uses }) => uses ?? [])
/** Whether a job signs in to Azure. */
const signsIn = (job: Job): boolean =>
  /\bazd auth login\b|\baz login\b/.test(joinRuns(job)) || listUses(job).some((uses) => /^azure\/login@/i.test(uses))
/** Whether a job publishes the packages. */
const publishes = (job: Job): boolean => /\bnpm publish\b/.test(joinRuns(job))
const joinRuns = ({ steps = [] }: Job): string => steps.map(({ run = '' }) => run).join('\n')

describe('the workflows', () => {
  it('follow the workflow syntax', () => {
    assert.deepEqual(files.toSorted(), ['azure-dev.yml', 'ci.yml', 'release.yml'])
    for (const [file, parsed] of workflows)
      assert.ok(valid(parsed), `${file}: ${JSON.stringify(valid.errors, null, 2)}`)
  })

  for (const [what, changed] of [
    ['an unknown key', { permision: {} }],
    ['an unknown event', { on: { pull_requests: null } }],
    ['a job without a runner', { jobs: { test: { permissions: {}, steps: [{ run: 'true' }] } } }],
    [
      'a job without a timeout',
      { jobs: { test: { 'runs-on': 'ubuntu-latest', permissions: {}, steps: [{ run: 'true' }] } } },
    ],
    ['an unknown right', { permissions: { contents: 'all' } }],
    [
      'a step that does nothing',
      { jobs: { test: { 'runs-on': 'x', 'timeout-minutes': 1, permissions: {}, steps: [{ name: 'x' }] } } },
    ],
  ] as const)
    it(`their rules refuse ${what}`, () => assert.ok(!valid({ ...workflow('ci.yml'), ...changed })))

  it('give each job only its named rights, and a token only to sign in or publish', () => {
    for (const [file, parsed] of workflows) assert.deepEqual(parsed.permissions, {}, file)
    for (const [file, name, job] of jobs) {
      const { 'id-token': token, ...rights } = job.permissions
      assert.equal(token, signsIn(job) || publishes(job) ? 'write' : undefined, `${file}: ${name}`)
      // The preview reads nothing of the repository.
      assert.deepEqual(rights, name === 'preview' ? {} : { contents: 'read' }, `${file}: ${name}`)
    }
  })

  it('run no foreign code with rights, and use no secret', () => {
    for (const [file, parsed] of workflows) {
      for (const event of ['pull_request_target', 'workflow_run', 'issue_comment'])
        assert.ok(!(event in parsed.on), file)
      assert.doesNotMatch(read(`.github/workflows/${file}`), /secrets\./, file)
    }
    for (const [file, name, { steps = [] }] of jobs)
      for (const { run = '', uses = '', with: given } of steps) {
        // No expression in a script, since outsiders can write some values.
        assert.doesNotMatch(run, /\$\{\{/, `${file}: ${name}`)
        if (uses.startsWith('actions/checkout@'))
          assert.equal(given?.['persist-credentials'], false, `${file}: ${name}`)
      }
  })

  // The deploying identity is only for the environment production.
  it('give no token to a job that runs unreviewed code', () => {
    const withToken = jobs.filter(([, , { permissions }]) => permissions['id-token'] !== undefined)
    assert.deepEqual(withToken.map(([, name]) => name).toSorted(), ['deploy', 'preview', 'publish'])
    for (const [file, name, job] of withToken) {
      const isReviewed = job.environment === 'production' && String(job.if).includes("github.ref == 'refs/heads/main'")
      if (isReviewed) continue
      if (publishes(job)) {
        // It publishes files that a job without a token made, and runs none of them.
        assert.deepEqual([job.environment, job.if], ['npm', "startsWith(github.ref, 'refs/tags/v')"], file)
        for (const uses of listUses(job))
          assert.match(uses, /^actions\/(download-artifact|setup-node)@/, `${file}: ${name}`)
        assert.deepEqual([...new Set(joinRuns(job).match(/\b(npm|npx|node) [a-z]+/g))], ['npm publish'])
        continue
      }
      // No code of the pull request: no checkout, no packages, no scripts, no azd hooks.
      for (const uses of listUses(job))
        assert.match(uses, /^(actions\/download-artifact|Azure\/login)@/, `${file}: ${name}`)
      assert.doesNotMatch(joinRuns(job), /\b(npm|npx|node|azd|bicep|sh|bash|python\d?|source)\b/, `${file}: ${name}`)
    }
    for (const [file, parsed] of workflows) {
      assert.ok(!('AZURE_CLIENT_ID' in (parsed.env ?? {})), `${file} gives every job the deploying identity`)
      for (const [name, job] of Object.entries(parsed.jobs))
        if (job.environment !== 'production')
          assert.doesNotMatch(JSON.stringify({ ...job, if: '' }), /vars\.AZURE_CLIENT_ID\b/, `${file}: ${name}`)
    }
  })

  it('use only versioned actions of GitHub and Azure, and existing workflows', () => {
    const used = jobs
      .flatMap(([, , { uses, steps = [] }]) => [uses, ...steps.map((step) => step.uses)])
      .filter((each) => each !== undefined)
    assert.ok(used.length > 5)
    for (const uses of used)
      if (uses.startsWith('./')) assert.ok(existsSync(join(root, uses)), uses)
      else
        assert.match(
          uses,
          /^(actions\/(checkout|setup-node|setup-dotnet|(up|down)load-artifact)|Azure\/(setup-azd|login))@v\d+$/,
        )
  })

  it('run existing scripts, on the pinned Node', () => {
    const { devDependencies } = JSON.parse(read('package.json'))
    let counted = 0
    for (const [file, name, job] of jobs) {
      for (const [, script = ''] of joinRuns(job).matchAll(
        /npm (?:run )?(?:-s )?(?!(?:ci|init|install|publish|sbom|view)\b)([a-z:]+)/g,
      )) {
        assert.ok(scripts.includes(script), `${file}: ${name} runs ${script}`)
        counted++
      }
      for (const { uses = '', with: given } of job.steps ?? [])
        if (uses.startsWith('actions/setup-node@'))
          assert.equal(String(given?.['node-version']), devDependencies.node.split('.')[0], `${file}: ${name}`)
    }
    assert.ok(counted >= 4, `only ${counted} scripts are run`)
  })

  it('wait for existing jobs', () => {
    for (const [file, name, { needs }] of jobs)
      if (needs !== undefined) assert.ok(needs in workflow(file).jobs, `${file}: ${name} needs ${needs}`)
  })
})

describe('CI', () => {
  it('checks and tests every pull request, also from forks, and every push, once', () => {
    const { on } = workflow('ci.yml')
    assert.deepEqual(on, { pull_request: null, push: { 'branches-ignore': ['main'] }, workflow_call: null })
    const { ci } = workflow('azure-dev.yml').jobs
    assert.equal(ci?.uses, './.github/workflows/ci.yml')
    assert.equal(ci?.if, "github.event_name != 'pull_request'")
    for (const [, job] of Object.entries(workflow('ci.yml').jobs)) assert.equal(job.if, undefined)
    const runs = Object.values(workflow('ci.yml').jobs).map(joinRuns).join('\n')
    for (const command of [
      'npm run check',
      'npm run test:all',
      'npm run test:dotnet',
      'npm run -s schemas -- --check --against',
    ])
      assert.ok(runs.includes(command), command)
  })
})

describe('the workflow of azd', () => {
  const { on, env, jobs } = workflow('azure-dev.yml')

  it('has the variables of azd pipeline config, including those of azure.yaml', () => {
    const { pipeline } = parse(read('azure.yaml'))
    const own = ['TENANT_ID', 'SUBSCRIPTION_ID', 'ENV_NAME', 'LOCATION'].map((name) => `AZURE_${name}`)
    for (const name of [...own, ...pipeline.variables]) assert.equal(env?.[name], `\${{ vars.${name} }}`)
    const read_ = new Set(read('infra/main.bicepparam').match(/(AZURE|TIDEMARK)_[A-Z_]+/g))
    // A hook of azd sets it: azure-yaml.test.ts.
    read_.delete('TIDEMARK_EVENT_HUBS_UNITS')
    assert.ok(read_.size >= 7)
    for (const name of read_) assert.ok(env !== undefined && name in env, `${name} is not passed to the template`)
  })

  it('runs as a service principal without rights on data', () => {
    assert.equal(env?.AZURE_PRINCIPAL_TYPE, 'ServicePrincipal')
    assert.equal(env?.AZURE_PRINCIPAL_ID, '')
  })

  it('signs in by federated credentials before using Azure, and runs npm ci before hooks', () => {
    const runs = jobs.deploy?.steps?.flatMap(({ run }) => run ?? []) ?? []
    const first = (what: RegExp): number => runs.findIndex((run) => what.test(run))
    const signIn = first(/^azd auth login .*--federated-credential-provider github$/)
    assert.ok(first(/^npm ci$/) === 0 && signIn > 0 && signIn < first(/^azd provision /))
    assert.match(runs[signIn] ?? '', /--client-id "\$AZURE_CLIENT_ID" --tenant-id "\$AZURE_TENANT_ID"/)
    assert.equal(jobs.deploy?.env?.AZURE_CLIENT_ID, `\${{ vars.AZURE_CLIENT_ID }}`)
  })

  it('uses the tests’ Bicep CLI in every job that compiles the template', () => {
    const installed = Object.values(jobs).flatMap((job) => joinRuns(job).match(/^az bicep install .*$/gm) ?? [])
    assert.deepEqual(installed, Array(2).fill(`az bicep install --version v${BICEP_VERSION}`))
    assert.match(jobs.deploy?.env?.AZD_BICEP_TOOL_PATH ?? '', /\/\.azure\/bin\/bicep$/)
  })

  it('previews a pull request as a reader, changes nothing, and skips forks', () => {
    assert.ok('pull_request' in on)
    const { template, preview } = jobs
    assert.equal(
      template?.if,
      "github.event_name == 'pull_request' && vars.AZURE_PREVIEW_CLIENT_ID != '' && " +
        'github.event.pull_request.head.repo.full_name == github.repository',
    )
    assert.equal(preview?.needs, 'template')
    const login = preview.steps?.find(({ uses = '' }) => uses.startsWith('Azure/login@'))
    assert.equal(login?.with?.['client-id'], `\${{ vars.AZURE_PREVIEW_CLIENT_ID }}`)
    const asked = joinRuns(preview).match(/\baz \w+ \w+ \S+/g)
    assert.deepEqual(asked, ['az eventhubs namespace list', 'az deployment sub what-if'])
    assert.match(joinRuns(preview), /--validation-level ProviderNoRbac$/m)
  })

  it('deploys only on main, after CI, and is never cancelled', () => {
    assert.deepEqual(on.push?.branches, ['main'])
    const { deploy } = jobs
    assert.equal(deploy?.if, "github.ref == 'refs/heads/main' && vars.AZURE_CLIENT_ID != ''")
    assert.equal(deploy?.needs, 'ci')
    assert.equal(deploy?.concurrency?.['cancel-in-progress'], false)
    const asked = joinRuns(deploy)
      .match(/^azd .*$/gm)
      ?.filter((run) => !run.startsWith('azd auth'))
    assert.deepEqual(asked, ['azd provision --no-prompt'])
    // `azd deploy --all` has no order.
    assert.match(
      joinRuns(deploy),
      /^services=\$\(npm run -s deploy:order -- --against "\$BEFORE"\)\nfor service in \$services; do azd deploy "\$service" --no-prompt; done$/m,
    )
    assert.equal(deploy?.steps?.find(({ uses = '' }) => uses.startsWith('actions/checkout@'))?.with?.['fetch-depth'], 0)
    for (const job of Object.values(jobs))
      if (job !== deploy) assert.doesNotMatch(joinRuns(job), /azd (deploy|up|down|provision --no-prompt)/)
  })
})
